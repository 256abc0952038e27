#include "probability_file.h"

#include <algorithm>
#include <span>

namespace nnunet {
namespace {

std::vector<std::int64_t> file_shape(const OriginalGrid& grid, std::int64_t classes) {
  const Shape3 image = grid.image_shape();
  return {classes, image[0], image[1], image[2]};
}

}  // namespace

Shape3 OriginalGrid::image_shape() const {
  Shape3 image{};
  for (std::size_t i = 0; i < 3; ++i) image[static_cast<std::size_t>(transpose[i])] = shape[i];
  return image;
}

Shape3 strides_in_image(const OriginalGrid& grid) {
  const Shape3 image = grid.image_shape(), steps{image[1] * image[2], image[2], 1};
  Shape3 strides{};
  for (std::size_t i = 0; i < 3; ++i) strides[i] = steps[static_cast<std::size_t>(grid.transpose[i])];
  return strides;
}

ProbabilityFile::ProbabilityFile(const std::filesystem::path& path, const OriginalGrid& grid, std::int64_t classes,
                                 bool background)
    : grid_(grid),
      classes_(classes),
      width_(grid.crop_end[2] - grid.crop_start[2]),
      background_(background),
      transposed_(grid.transpose != std::array{0, 1, 2}),
      strides_(strides_in_image(grid)),
      writer_(path, file_shape(grid, classes)) {
  if (transposed_) map_ = writer_.map();
  if (background_) write_background();
}

void ProbabilityFile::write(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) {
  z += grid_.crop_start[0];
  y += grid_.crop_start[1];
  transposed_ ? scatter(values, lines, z, y) : write_lines(values, lines, z, y);
}

/// Whole lines of the image, with background to both sides of the box.
void ProbabilityFile::write_lines(const std::vector<float>& values, std::int64_t lines, std::int64_t z,
                                  std::int64_t y) const {
  const std::int64_t whole = grid_.shape[2], first = (z * grid_.shape[1] + y) * whole;
  std::vector<float> wide(static_cast<std::size_t>(lines * whole));
  for (std::int64_t k = 0; k < classes_; ++k) {
    std::ranges::fill(wide, k == 0 && background_ ? 1.0F : 0.0F);
    for (std::int64_t line = 0; line < lines; ++line)
      std::copy_n(values.data() + (k * lines + line) * width_, width_,
                  wide.data() + line * whole + grid_.crop_start[2]);
    writer_.write(k * volume(grid_.shape) + first, wide);
  }
}

void ProbabilityFile::scatter(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) {
  const float* from = values.data();
  for (std::int64_t k = 0; k < classes_; ++k)
    for (std::int64_t line = 0; line < lines; ++line, from += width_) {
      float* to = map_.data() + k * volume(grid_.shape) + z * strides_[0] + (y + line) * strides_[1] +
                  grid_.crop_start[2] * strides_[2];
      for (std::int64_t x = 0; x < width_; ++x) to[x * strides_[2]] = from[x];
    }
}

/// Ones for class 0: in the lines that do not pass the box, or, where lines lie across the file, everywhere. The other
/// classes' zeros need no writing.
void ProbabilityFile::write_background() {
  const auto [depth, height, width] = grid_.shape;
  const std::vector<float> ones(static_cast<std::size_t>(height * width), 1.0F);
  const auto fill = [&](std::int64_t z, std::int64_t y_begin, std::int64_t y_end) {
    writer_.write((z * height + y_begin) * width,
                  std::span(ones).first(static_cast<std::size_t>((y_end - y_begin) * width)));
  };
  for (std::int64_t z = 0; z < depth; ++z) {
    const bool outside = transposed_ || z < grid_.crop_start[0] || z >= grid_.crop_end[0];
    fill(z, 0, outside ? height : grid_.crop_start[1]);
    if (!outside) fill(z, grid_.crop_end[1], height);
  }
}

}  // namespace nnunet
