#pragma once
#include <cstdint>
#include <vector>

namespace nnunet {

/// A slice of classes: rows of pixels.
struct ClassSlice {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> classes;

  bool is(std::int64_t x, std::int64_t y, int value) const {
    return x >= 0 && y >= 0 && x < width && y < height && classes[static_cast<std::size_t>(y * width + x)] == value;
  }
};

/// In pixels; (0,0) is the centre of the first one.
struct ContourPoint {
  double x = 0, y = 0;
};

/// Closed outlines of one class by marching squares (Lorensen and Cline 1987, in the plane), holes included. They cut
/// the way from a pixel's centre to a neighbour's outside at `reach` of the way (0.5: half), so that with less than 0.5
/// the outlines of touching classes run side by side.
std::vector<std::vector<ContourPoint>> outlines(const ClassSlice& slice, int value, double reach);

}  // namespace nnunet
