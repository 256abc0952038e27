#include "probability_output.h"

#include <algorithm>
#include <span>

#include "nnunet/io/npy.h"

namespace nnunet {
namespace {

std::vector<std::int64_t> file_shape(const OriginalGrid& grid, std::int64_t classes) {
  const Shape3 image = grid.image_shape();
  return {classes, image[0], image[1], image[2]};
}

/// Where the numbers of the network's axes lie: `first` is voxel (0,0,0) of the original grid, class 0.
struct NetworkView {
  float* first = nullptr;
  std::int64_t class_stride = 0;
  Shape3 strides{};
};

/// Lines of the box, number by number.
void scatter(const NetworkView& to, const OriginalGrid& grid, std::int64_t classes, const std::vector<float>& values,
             std::int64_t lines, std::int64_t z, std::int64_t y) {
  const float* from = values.data();
  const std::int64_t width = grid.crop_end[2] - grid.crop_start[2], step = to.strides[2];
  for (std::int64_t k = 0; k < classes; ++k)
    for (std::int64_t line = 0; line < lines; ++line, from += width) {
      float* const out = to.first + k * to.class_stride + (z + grid.crop_start[0]) * to.strides[0] +
                         (y + line + grid.crop_start[1]) * to.strides[1] + grid.crop_start[2] * step;
      for (std::int64_t x = 0; x < width; ++x) out[x * step] = from[x];
    }
}

class ProbabilityFile final : public ProbabilityOutput {
 public:
  ProbabilityFile(const std::filesystem::path& path, const OriginalGrid& grid, std::int64_t classes, bool background)
      : grid_(grid),
        classes_(classes),
        width_(grid.crop_end[2] - grid.crop_start[2]),
        background_(background),
        transposed_(grid.transpose != std::array{0, 1, 2}),
        writer_(path, file_shape(grid, classes)) {
    if (transposed_) map_ = {writer_.map().data(), volume(grid.shape), strides_in_image(grid)};
    if (background_) write_background();
  }

  void write(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) override {
    if (transposed_) return scatter(map_, grid_, classes_, values, lines, z, y);
    write_lines(values, lines, z + grid_.crop_start[0], y + grid_.crop_start[1]);
  }
  void rest() override { writer_.rest(); }
  void commit() override { writer_.commit(); }

 private:
  /// Whole lines of the image, with background to both sides of the box.
  void write_lines(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) const {
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

  /// Ones for class 0: in the lines that do not pass the box, or, where lines lie across the file, everywhere. The
  /// other classes' zeros need no writing.
  void write_background() {
    const auto [depth, height, width] = grid_.shape;
    const std::vector<float> ones(static_cast<std::size_t>(height * width), 1.0F);
    const auto fill = [&, height = height, width = width](std::int64_t z, std::int64_t y_begin, std::int64_t y_end) {
      writer_.write((z * height + y_begin) * width,
                    std::span(ones).first(static_cast<std::size_t>((y_end - y_begin) * width)));
    };
    for (std::int64_t z = 0; z < depth; ++z) {
      const bool outside = transposed_ || z < grid_.crop_start[0] || z >= grid_.crop_end[0];
      fill(z, 0, outside ? height : grid_.crop_start[1]);
      if (!outside) fill(z, grid_.crop_end[1], height);
    }
  }

  OriginalGrid grid_;
  std::int64_t classes_, width_;
  bool background_;
  bool transposed_;  ///< lines do not lie in one piece in the file, which is then mapped
  NpyWriter<float> writer_;
  NetworkView map_;
};

class ProbabilityMemory final : public ProbabilityOutput {
 public:
  ProbabilityMemory(const ClassVolume& memory, const OriginalGrid& grid, std::int64_t classes, bool background)
      : grid_(grid), classes_(classes), to_{memory.values, memory.strides[0], {}} {
    for (std::size_t i = 0; i < 3; ++i)
      to_.strides[i] = memory.strides[1 + static_cast<std::size_t>(grid.transpose[i])];
    if (grid.crop_start == Shape3{} && grid.crop_end == grid.shape) return;  // nothing lies outside
    for (std::int64_t k = 0; k < classes; ++k) fill(k, k == 0 && background ? 1.0F : 0.0F);
  }

  void write(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) override {
    scatter(to_, grid_, classes_, values, lines, z, y);
  }

 private:
  void fill(std::int64_t k, float value) {
    for (std::int64_t z = 0; z < grid_.shape[0]; ++z)
      for (std::int64_t y = 0; y < grid_.shape[1]; ++y) {
        float* const line = to_.first + k * to_.class_stride + z * to_.strides[0] + y * to_.strides[1];
        for (std::int64_t x = 0; x < grid_.shape[2]; ++x) line[x * to_.strides[2]] = value;
      }
  }

  OriginalGrid grid_;
  std::int64_t classes_;
  NetworkView to_;
};

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

std::unique_ptr<ProbabilityOutput> probability_file(const std::filesystem::path& path, const OriginalGrid& grid,
                                                    std::int64_t classes, bool background) {
  return std::make_unique<ProbabilityFile>(path, grid, classes, background);
}

std::unique_ptr<ProbabilityOutput> probability_memory(const ClassVolume& memory, const OriginalGrid& grid,
                                                      std::int64_t classes, bool background) {
  return std::make_unique<ProbabilityMemory>(memory, grid, classes, background);
}

}  // namespace nnunet
