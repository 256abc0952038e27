#include "nnunet/infer/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/eval/argmax.h"
#include "nnunet/io/npy.h"
#include "restore_kernels.h"
#include "softmax.h"

namespace nnunet {
namespace {

/// Probabilities worked on at a time by one thread, in values.
constexpr std::int64_t kBlockValues = std::int64_t{1} << 20;

Shape3 box_shape(const std::string& name, const OriginalGrid& grid) {
  Shape3 box;
  for (std::size_t a = 0; a < 3; ++a) {
    if (grid.crop_start[a] < 0 || grid.crop_start[a] >= grid.crop_end[a] || grid.crop_end[a] > grid.shape[a])
      throw Error(name, "the crop box does not lie within the original image", "run preprocess again");
    box[a] = grid.crop_end[a] - grid.crop_start[a];
  }
  return box;
}

}  // namespace

class RestoreSink::Work {
 public:
  Work(std::string name, const OriginalGrid& grid, bool labels, std::optional<std::filesystem::path> path)
      : name_(std::move(name)),
        grid_(grid),
        box_(box_shape(name_, grid)),
        wants_labels_(labels),
        path_(std::move(path)) {}

  void begin(std::int64_t classes, const Shape3& shape) {
    if (classes > 256) throw Error(name_, fmt::format("{} classes are more than the 256 of a label map", classes));
    classes_ = classes;
    z_ = RestoreAxis(shape[0], box_[0], grid_.anisotropic);
    y_ = RestoreAxis(shape[1], box_[1], false);
    x_ = RestoreAxis(shape[2], box_[2], false);
    if (wants_labels_) labels_ = Array<std::uint8_t>({grid_.shape[0], grid_.shape[1], grid_.shape[2]});
    if (!path_) return;
    writer_.emplace(*path_, std::vector{classes, grid_.shape[0], grid_.shape[1], grid_.shape[2]});
    write_background();
  }

  void take(const FinishedLogits& logits) {
    const auto [z_begin, z_end] = z_.made_from(logits.z_begin, logits.z_end);
    const auto [y_begin, y_end] = y_.made_from(logits.y_begin, logits.y_end);
    if (z_begin >= z_end || y_begin >= y_end) return;
    const std::int64_t all = classes_ * std::max(box_[2], logits.shape[2]);  // work of a line
    const std::int64_t lines = path_ ? std::max<std::int64_t>(1, kBlockValues / all) : 1;
    const std::int64_t blocks = (y_end - y_begin + lines - 1) / lines, first_z = z_begin, first_y = y_begin;
    const std::int64_t last_y = y_end;
    parallel_ranges((z_end - z_begin) * blocks, std::max<std::int64_t>(1, 32768 / (all * lines)),
                    [&](std::int64_t begin, std::int64_t end) {
                      LineStretch stretch(x_, logits.shape[2]);
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t z = first_z + i / blocks, y = first_y + i % blocks * lines;
                        if (path_)
                          restore_all(logits, stretch, z, y, std::min(last_y, y + lines));
                        else
                          stretch.labels(mix(logits, z, y), label_line(z, y));
                      }
                    });
  }

  Array<std::uint8_t>& labels() { return labels_; }
  void save_probabilities() { writer_->commit(); }

 private:
  /// Where line (z,y) of the box begins in a volume of the original grid.
  std::int64_t place(std::int64_t z, std::int64_t y) const {
    return ((z + grid_.crop_start[0]) * grid_.shape[1] + y + grid_.crop_start[1]) * grid_.shape[2] +
           grid_.crop_start[2];
  }
  std::uint8_t* label_line(std::int64_t z, std::int64_t y) { return labels_.data() + place(z, y); }

  /// Line (z,y) of the box, except for the stretch along x. A weight of 0 comes with its axis: 1, 2 or 4 lines.
  LineMix mix(const FinishedLogits& logits, std::int64_t z, std::int64_t y) const {
    LineMix mix;
    mix.classes = logits.classes;
    mix.class_stride = logits.class_stride;
    mix.width = logits.shape[2];
    const auto add = [&](std::int64_t from_z, std::int64_t from_y, double weight) {
      if (weight == 0) return;
      mix.line[mix.count] = logits.line(from_z, from_y);
      mix.weight[mix.count++] = static_cast<float>(weight);
    };
    const auto i = static_cast<std::size_t>(z), j = static_cast<std::size_t>(y);
    add(z_.low[i], y_.low[j], z_.low_weight[i] * y_.low_weight[j]);
    add(z_.low[i], y_.high[j], z_.low_weight[i] * y_.high_weight[j]);
    add(z_.high[i], y_.low[j], z_.high_weight[i] * y_.low_weight[j]);
    add(z_.high[i], y_.high[j], z_.high_weight[i] * y_.high_weight[j]);
    return mix;
  }

  /// Labels and probabilities of lines [y_begin, y_end) of slice z.
  void restore_all(const FinishedLogits& logits, LineStretch& stretch, std::int64_t z, std::int64_t y_begin,
                   std::int64_t y_end) {
    const std::int64_t lines = y_end - y_begin, width = box_[2], area = lines * width;
    std::vector<float> values(static_cast<std::size_t>(classes_ * area));
    float* data = values.data();
    for (std::int64_t y = 0; y < lines; ++y) stretch.logits(mix(logits, z, y_begin + y), data + y * width, area);
    for (std::int64_t y = 0; wants_labels_ && y < lines; ++y)
      argmax_classes(data + y * width, classes_, static_cast<std::size_t>(area),
                     {label_line(z, y_begin + y), static_cast<std::size_t>(width)});
    softmax_classes(data, classes_, area);
    write(values, lines, z, y_begin);
  }

  /// Probabilities (K, lines, box width): whole lines of the image, with background to both sides of the box.
  void write(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) {
    const std::int64_t whole = grid_.shape[2], width = box_[2];
    const std::int64_t first = place(z, y) - grid_.crop_start[2], volume = nnunet::volume(grid_.shape);
    std::vector<float> wide(static_cast<std::size_t>(lines * whole));
    for (std::int64_t k = 0; k < classes_; ++k) {
      std::ranges::fill(wide, k == 0 ? 1.0F : 0.0F);
      for (std::int64_t line = 0; line < lines; ++line)
        std::copy_n(values.data() + (k * lines + line) * width, width,
                    wide.data() + line * whole + grid_.crop_start[2]);
      writer_->write(k * volume + first, wide);
    }
  }

  /// Ones for class 0 in the lines that do not pass the box; the other classes' zeros need no writing.
  void write_background() {
    const auto [depth, height, width] = grid_.shape;
    const std::vector<float> ones(static_cast<std::size_t>(height * width), 1.0F);
    const auto fill = [&](std::int64_t z, std::int64_t y_begin, std::int64_t y_end) {
      writer_->write((z * height + y_begin) * width,
                     std::span(ones).first(static_cast<std::size_t>((y_end - y_begin) * width)));
    };
    for (std::int64_t z = 0; z < depth; ++z) {
      const bool outside = z < grid_.crop_start[0] || z >= grid_.crop_end[0];
      fill(z, 0, outside ? height : grid_.crop_start[1]);
      if (!outside) fill(z, grid_.crop_end[1], height);
    }
  }

  std::string name_;
  OriginalGrid grid_;
  Shape3 box_;
  bool wants_labels_;
  std::optional<std::filesystem::path> path_;
  std::int64_t classes_ = 0;
  RestoreAxis z_, y_, x_;
  Array<std::uint8_t> labels_;
  std::optional<NpyWriter<float>> writer_;
};

RestoreSink::RestoreSink(std::string name, const OriginalGrid& grid, bool labels,
                         std::optional<std::filesystem::path> probabilities)
    : work_(std::make_unique<Work>(std::move(name), grid, labels, std::move(probabilities))) {}
RestoreSink::~RestoreSink() = default;
RestoreSink::RestoreSink(RestoreSink&&) noexcept = default;
RestoreSink& RestoreSink::operator=(RestoreSink&&) noexcept = default;

void RestoreSink::begin(std::int64_t classes, const Shape3& shape) {
  work_->begin(classes, shape);
}
void RestoreSink::take(const FinishedLogits& logits) {
  work_->take(logits);
}
Array<std::uint8_t>& RestoreSink::labels() {
  return work_->labels();
}
void RestoreSink::save_probabilities() {
  work_->save_probabilities();
}

}  // namespace nnunet
