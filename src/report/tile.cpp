#include "tile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "contour.h"
#include "nnunet/core/error.h"
#include "nnunet/eval/distance_transform.h"
#include "nnunet/report/label_colour.h"

namespace nnunet {
namespace {

constexpr Colour white = rgb(0xF0F0F0);

void draw_image(const Canvas& canvas, const Tile& tile, const Image& image, const Window& window) {
  const Shape3 shape = image.voxels.spatial();
  const auto channel = image.voxels.slab(0);
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(tile.columns), static_cast<int>(tile.rows)),
      &cairo_surface_destroy);
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
    throw Error("", "the slice is too large to be drawn");
  cairo_surface_flush(surface.get());
  unsigned char* pixels = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (std::int64_t y = 0; y < tile.rows; ++y)
    for (std::int64_t x = 0; x < tile.columns; ++x) {
      const float part = (channel[tile.voxel(shape, x, y)] - window.low) / (window.high - window.low);
      const auto value = static_cast<unsigned char>(255.0F * (part > 0 ? std::min(part, 1.0F) : 0.0F) + 0.5F);
      std::fill_n(pixels + y * stride + 4 * x, 4, value);
    }
  cairo_surface_mark_dirty(surface.get());
  cairo_save(canvas.cairo());
  cairo_rectangle(canvas.cairo(), tile.left, tile.top, tile.width(), tile.height());
  cairo_clip(canvas.cairo());
  cairo_translate(canvas.cairo(), tile.left, tile.top);
  cairo_scale(canvas.cairo(), tile.pixel_width, tile.pixel_height);
  cairo_set_source_surface(canvas.cairo(), surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(canvas.cairo()), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(canvas.cairo()), CAIRO_EXTEND_PAD);
  cairo_paint(canvas.cairo());
  cairo_restore(canvas.cairo());
}

ClassSlice cut_slice(const Tile& tile, const Array<std::uint8_t>& label) {
  ClassSlice slice{tile.columns, tile.rows, {}};
  const Shape3 shape = label.spatial();
  slice.classes.reserve(static_cast<std::size_t>(tile.columns * tile.rows));
  for (std::int64_t y = 0; y < tile.rows; ++y)
    for (std::int64_t x = 0; x < tile.columns; ++x) slice.classes.push_back(label.values[tile.voxel(shape, x, y)]);
  return slice;
}

void draw_outline(const Canvas& canvas, const Tile& tile, const ClassSlice& slice, int value, const Colour& colour) {
  // Half a line's width inside the border, so that both classes' lines show where they touch.
  const double voxel = std::min(tile.pixel_width, tile.pixel_height);
  const double reach = std::clamp(0.5 - 0.8 / voxel, 0.25, 0.5);
  for (const auto& loop : outlines(slice, value, reach)) {
    cairo_new_sub_path(canvas.cairo());
    for (const ContourPoint& p : loop)
      cairo_line_to(canvas.cairo(), tile.left + (p.x + 0.5) * tile.pixel_width,
                    tile.top + (p.y + 0.5) * tile.pixel_height);
    cairo_close_path(canvas.cairo());
  }
  canvas.set_colour({colour.red, colour.green, colour.blue, 0.16});
  cairo_set_fill_rule(canvas.cairo(), CAIRO_FILL_RULE_EVEN_ODD);
  cairo_fill_preserve(canvas.cairo());
  canvas.set_colour(colour);
  cairo_set_line_join(canvas.cairo(), CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_width(canvas.cairo(), 1.6);
  cairo_stroke(canvas.cairo());
}

/// The class's number at its place farthest from its border and the picture's, where it has room.
void draw_number(const Canvas& canvas, const Tile& tile, const ClassSlice& slice, int value) {
  const std::int64_t width = slice.width + 2, height = slice.height + 2;
  std::vector<std::uint8_t> outside;
  for (std::int64_t y = -1; y <= slice.height; ++y)
    for (std::int64_t x = -1; x <= slice.width; ++x) outside.push_back(slice.is(x, y, value) ? 0 : 1);
  const auto square = squared_distance(outside, {1, height, width}, {1, tile.pixel_height, tile.pixel_width});
  const auto best = std::max_element(square.begin(), square.end());
  if (*best < 8 * 8) return;
  const std::int64_t at = best - square.begin();
  canvas.text(tile.left + (static_cast<double>(at % width) - 0.5) * tile.pixel_width,
              tile.top + (static_cast<double>(at / width) - 0.5) * tile.pixel_height, std::to_string(value),
              {11, white, Align::centre, true, 0, 1.5});
}

void draw_letters(const Canvas& canvas, const Tile& tile) {
  const double x = tile.left + tile.width() / 2, y = tile.top + tile.height() / 2;
  const TextStyle style{15, white, Align::centre, true, 0, 2};
  canvas.text(tile.left + 11, y, tile.view.left, style);
  canvas.text(tile.left + tile.width() - 11, y, tile.view.right, style);
  canvas.text(x, tile.top + 12, tile.view.top, style);
  canvas.text(x, tile.top + tile.height() - 12, tile.view.bottom, style);
}

}  // namespace

void draw_tile(const Canvas& canvas, const Tile& tile, const Image& image, const Window& window,
               const Array<std::uint8_t>& label, int n_class) {
  draw_image(canvas, tile, image, window);
  const ClassSlice slice = cut_slice(tile, label);
  std::array<bool, 256> present{};
  for (const std::uint8_t c : slice.classes) present[c] = true;
  for (int c = 1; c < n_class; ++c)
    if (present[static_cast<std::size_t>(c)]) draw_outline(canvas, tile, slice, c, class_colour(c, n_class));
  for (int c = 1; c < n_class && n_class > 8; ++c)
    if (present[static_cast<std::size_t>(c)]) draw_number(canvas, tile, slice, c);
  draw_letters(canvas, tile);
}

void draw_scale_bar(const Canvas& canvas, const Tile& tile, double scale) {
  double length = 0;
  for (const double candidate : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0})
    if (candidate * scale <= tile.width() / 3) length = candidate;
  if (length <= 0 || tile.height() < 60) return;
  const double x = tile.left + 12, y = tile.top + tile.height() - 14;
  canvas.line(x, y, x + length * scale, y, rgb(0x000000, 0.85), 5);
  canvas.line(x, y, x + length * scale, y, white, 2.4);
  canvas.text(x, y - 13, length < 10 ? fmt::format("{:g} mm", length) : fmt::format("{:g} cm", length / 10),
              {12, white, Align::left, true, 0, 2});
}

void draw_cuts(const Canvas& canvas, const Tile& tile, const Shape3& centre) {
  const auto place = [&](std::size_t axis, bool flip, std::int64_t count) {
    return static_cast<double>(flip ? count - 1 - centre[axis] : centre[axis]) + 0.5;
  };
  const double x = tile.left + place(tile.view.x, tile.view.flip_x, tile.columns) * tile.pixel_width;
  const double y = tile.top + place(tile.view.y, tile.view.flip_y, tile.rows) * tile.pixel_height;
  const std::array dash{2.0, 5.0};
  cairo_set_dash(canvas.cairo(), dash.data(), 2, 0);
  canvas.line(x, tile.top, x, tile.top + tile.height(), {1, 1, 1, 0.35}, 1);
  canvas.line(tile.left, y, tile.left + tile.width(), y, {1, 1, 1, 0.35}, 1);
  cairo_set_dash(canvas.cairo(), nullptr, 0, 0);
}

Colour class_colour(int value, int n_class) {
  return rgb(label_colour(value, n_class));
}

}  // namespace nnunet
