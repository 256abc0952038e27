#include "canvas.h"

#include <cstddef>
#include <span>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

Canvas::Canvas(int width, int height, const Colour& background)
    : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height), &cairo_surface_destroy),
      context_(cairo_create(surface_.get()), &cairo_destroy) {
  rectangle(0, 0, width, height, background);
}

void Canvas::set_colour(const Colour& colour) const {
  cairo_set_source_rgba(cairo(), colour.red, colour.green, colour.blue, colour.alpha);
}

void Canvas::line(double x0, double y0, double x1, double y1, const Colour& colour, double width) const {
  set_colour(colour);
  cairo_set_line_width(cairo(), width);
  cairo_move_to(cairo(), x0, y0);
  cairo_line_to(cairo(), x1, y1);
  cairo_stroke(cairo());
}

void Canvas::rectangle(double x, double y, double width, double height, const Colour& fill) const {
  set_colour(fill);
  cairo_rectangle(cairo(), x, y, width, height);
  cairo_fill(cairo());
}

void Canvas::set_font(const TextStyle& style) const {
  cairo_select_font_face(cairo(), "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo(), style.size);
}

double Canvas::text_width(const std::string& text, const TextStyle& style) const {
  set_font(style);
  cairo_text_extents_t extents{};
  cairo_text_extents(cairo(), printable(text).c_str(), &extents);
  return extents.x_advance;
}

void Canvas::text(double x, double y, const std::string& text, const TextStyle& style) const {
  const double width = text_width(text, style);
  const double shift = style.align == Align::left ? 0 : style.align == Align::centre ? width / 2 : width;
  cairo_save(cairo());
  cairo_translate(cairo(), x, y);
  cairo_rotate(cairo(), style.angle);
  cairo_move_to(cairo(), -shift, 0.36 * style.size);  // half the height of capital letters
  if (style.halo > 0) {
    cairo_text_path(cairo(), printable(text).c_str());
    set_colour({0, 0, 0, 0.85});
    cairo_set_line_join(cairo(), CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cairo(), 2 * style.halo);
    cairo_stroke(cairo());
    cairo_move_to(cairo(), -shift, 0.36 * style.size);
  }
  set_colour(style.colour);
  cairo_show_text(cairo(), printable(text).c_str());
  cairo_restore(cairo());
}

void Canvas::save_png(const std::filesystem::path& path) const {
  std::vector<std::byte> png;
  const auto append = [](void* closure, const unsigned char* data, unsigned int length) {
    const auto bytes = std::as_bytes(std::span(data, length));
    static_cast<std::vector<std::byte>*>(closure)->insert(static_cast<std::vector<std::byte>*>(closure)->end(),
                                                          bytes.begin(), bytes.end());
    return CAIRO_STATUS_SUCCESS;
  };
  cairo_status_t status = cairo_status(cairo());
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_write_to_png_stream(surface_.get(), append, &png);
  if (status != CAIRO_STATUS_SUCCESS)
    throw Error(path.string(), std::string("the picture could not be drawn: ") + cairo_status_to_string(status));
  write_file(path, png);
}

std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    bool good = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; good && k < length; ++k) good = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80U;
    // Overlong forms, surrogates and code points above U+10FFFF.
    const unsigned second = good && length > 2 ? static_cast<unsigned char>(text[i + 1]) : 0x90U;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F))
      good = false;
    const bool control = length == 1 && (lead < 0x20 || lead == 0x7F);
    out += good && !control ? text.substr(i, length) : std::string("?");
    i += good ? length : 1;
  }
  return out;
}

std::string fit_text(const Canvas& canvas, const std::string& text, const TextStyle& style, double width) {
  if (canvas.text_width(text, style) <= width) return text;
  std::string cut = printable(text);
  while (!cut.empty()) {
    while (!cut.empty() && (static_cast<unsigned char>(cut.back()) & 0xC0U) == 0x80U) cut.pop_back();
    if (!cut.empty()) cut.pop_back();
    if (canvas.text_width(cut + "…", style) <= width) break;
  }
  return cut + "…";
}

}  // namespace nnunet
