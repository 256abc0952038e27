#pragma once
#include <cairo.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace nnunet {

/// 0-1 each.
struct Colour {
  double red = 0, green = 0, blue = 0, alpha = 1;
};

constexpr Colour rgb(std::uint32_t hex, double alpha = 1) {
  return {static_cast<double>(hex >> 16U & 255U) / 255, static_cast<double>(hex >> 8U & 255U) / 255,
          static_cast<double>(hex & 255U) / 255, alpha};
}

/// Where a text stands relative to its point.
enum class Align { left, centre, right };

struct TextStyle {
  double size = 13;  ///< px
  Colour colour{};
  Align align = Align::left;
  bool bold = false;
  double angle = 0;  ///< radians, clockwise
  double halo = 0;   ///< px of dark outline, for text over an image
};

/// A drawing surface in pixels (origin at the top left) that becomes a PNG file.
class Canvas {
 public:
  Canvas(int width, int height, const Colour& background);

  cairo_t* cairo() const { return context_.get(); }
  void set_colour(const Colour& colour) const;
  void line(double x0, double y0, double x1, double y1, const Colour& colour, double width) const;
  void rectangle(double x, double y, double width, double height, const Colour& fill) const;
  /// y: the vertical middle of the letters.
  void text(double x, double y, const std::string& text, const TextStyle& style) const;
  double text_width(const std::string& text, const TextStyle& style) const;
  /// Atomically. Throws Error when drawing failed or the file cannot be written.
  void save_png(const std::filesystem::path& path) const;

 private:
  void set_font(const TextStyle& style) const;

  std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface_;
  std::unique_ptr<cairo_t, decltype(&cairo_destroy)> context_;
};

/// Bytes that are not UTF-8 replaced by '?': cairo stops drawing at them.
std::string printable(const std::string& text);
/// Shortened with "…" to a width in px.
std::string fit_text(const Canvas& canvas, const std::string& text, const TextStyle& style, double width);

}  // namespace nnunet
