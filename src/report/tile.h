#pragma once
#include <cstdint>

#include "canvas.h"
#include "nnunet/core/array.h"
#include "nnunet/io/nifti.h"
#include "orientation.h"

namespace nnunet {

/// Grey values: low is black, high is white.
struct Window {
  float low = 0, high = 1;
};

/// A view of this volume at its slice, placed on the canvas.
struct Tile {
  View view;
  std::int64_t columns = 0, rows = 0, slice = 0;
  double pixel_width = 1, pixel_height = 1;  ///< mm, then (after place_tiles) px
  double left = 0, top = 0;

  double width() const { return static_cast<double>(columns) * pixel_width; }
  double height() const { return static_cast<double>(rows) * pixel_height; }
  /// Flat voxel index of a pixel.
  std::size_t voxel(const Shape3& shape, std::int64_t x, std::int64_t y) const {
    Shape3 at{};
    at[view.x] = view.flip_x ? columns - 1 - x : x;
    at[view.y] = view.flip_y ? rows - 1 - y : y;
    at[view.cut] = slice;
    return static_cast<std::size_t>((at[0] * shape[1] + at[1]) * shape[2] + at[2]);
  }
};

/// The slice of the image's first channel with the outlines of the classes below n_class (with their numbers where
/// there are more than 7) and the letters of the patient's sides.
void draw_tile(const Canvas& canvas, const Tile& tile, const Image& image, const Window& window,
               const Array<std::uint8_t>& label, int n_class);
/// A round length of at most a third of the slice; scale: px/mm.
void draw_scale_bar(const Canvas& canvas, const Tile& tile, double scale);
/// Where the other views, through the voxel `centre`, cut this one.
void draw_cuts(const Canvas& canvas, const Tile& tile, const Shape3& centre);

/// label_colour, for drawing.
Colour class_colour(int value, int n_class);

}  // namespace nnunet
