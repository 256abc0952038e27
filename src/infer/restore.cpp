#include "nnunet/infer/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "probability_output.h"
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

void check_resampling(const std::string& name, const LogitResampling& resampling) {
  const auto known = [](int order) { return order == 0 || order == 1; };
  if (!known(resampling.order) || !known(resampling.order_across))
    throw Error(name,
                fmt::format("logits cannot be resampled by splines of order {}",
                            known(resampling.order) ? resampling.order_across : resampling.order),
                "only nearest neighbour (0) and linear (1) are known");
}

AxisRule rule_of(const LogitResampling& resampling, std::size_t axis, SumType type) {
  const bool across = resampling.separate_axis && static_cast<std::size_t>(*resampling.separate_axis) == axis;
  const bool nearest = (across ? resampling.order_across : resampling.order) == 0;
  if (resampling.method == Resampler::torch) return nearest ? AxisRule::torch_nearest : AxisRule::torch_linear;
  if (nearest) return AxisRule::nearest;
  return type == SumType::fp16 ? AxisRule::linear_inside : AxisRule::linear;
}

}  // namespace

class RestoreSink::Work {
 public:
  Work(std::string name, const OriginalGrid& grid, bool labels, ProbabilityPlace probabilities)
      : name_(std::move(name)),
        grid_(grid),
        box_(box_shape(name_, grid)),
        wants_labels_(labels),
        regions_(grid.labels.decision == LabelDecision::sigmoid),
        place_(std::move(probabilities)),
        strides_(strides_in_image(grid)) {
    check_resampling(name_, grid.resampling);
  }

  void begin(std::int64_t classes, const Shape3& shape) {
    check_classes(classes);
    if (grid_.resampling.method == Resampler::none && shape != box_)
      throw Error(name_,
                  fmt::format("logits of {} voxels do not fill the crop of {}", shape_text(shape), shape_text(box_)),
                  "the model resamples no logits, so it must not resample images either");
    classes_ = classes;
    axes_.reset();
    make_labels();
    if (const auto* path = std::get_if<std::filesystem::path>(&place_))
      probabilities_ = probability_file(*path, grid_, classes, !regions_);
    if (const auto* memory = std::get_if<ClassVolume>(&place_))
      probabilities_ = probability_memory(*memory, grid_, classes, !regions_);
  }

  void take(const FinishedLogits& logits) {
    if (!axes_) make_axes(logits);
    const auto& [z_axis, y_axis, x_axis] = *axes_;
    const auto [z_begin, z_end] = z_axis.made_from(logits.z_begin, logits.z_end);
    const auto [y_begin, y_end] = y_axis.made_from(logits.y_begin, logits.y_end);
    if (z_begin >= z_end || y_begin >= y_end) return;
    const std::int64_t all = classes_ * std::max(box_[2], logits.shape[2]);  // work of a line
    const std::int64_t lines = probabilities_ || regions_ ? std::max<std::int64_t>(1, kBlockValues / all) : 1;
    const std::int64_t blocks = (y_end - y_begin + lines - 1) / lines, first_z = z_begin, first_y = y_begin;
    const std::int64_t last_y = y_end;
    const RestoreAxis& along = x_axis;
    parallel_ranges((z_end - z_begin) * blocks, std::max<std::int64_t>(1, 32768 / (all * lines)),
                    [&](std::int64_t begin, std::int64_t end) {
                      LineStretch stretch(along, logits.shape[2], kind_of(logits));
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t z = first_z + i / blocks, y = first_y + i % blocks * lines;
                        if (probabilities_ || regions_)
                          restore_all(logits, stretch, z, y, std::min(last_y, y + lines));
                        else
                          write_labels(stretch.labels(mix(logits, z, y)), z, y);
                      }
                    });
    if (probabilities_) probabilities_->rest();
  }

  bool has_wide_labels() const { return nnunet::has_wide_labels(grid_.labels); }
  Array<std::uint8_t>& labels() { return labels_; }
  Array<std::uint16_t>& wide_labels() { return wide_labels_; }
  void save_probabilities() { probabilities_->commit(); }

 private:
  void check_classes(std::int64_t classes) const {
    const LabelSpec& labels = grid_.labels;
    const int most = has_wide_labels() ? 65536 : 256;
    if (!regions_ && classes > most)
      throw Error(name_, fmt::format("{} classes are more than the {} of a label map", classes, most));
    if (!labels.entries.empty() && classes != labels.heads())
      throw Error(name_, fmt::format("the network has {} outputs, its labels need {}", classes, labels.heads()));
    const auto& values = labels.region_values;
    if (regions_ && !has_wide_labels() && std::ranges::any_of(values, [](int v) { return v > 255; }))
      throw Error(name_, "a region's value is above 255, but label maps of so few labels have 8 bits",
                  "give regions_class_order values up to 255 in dataset.json");
    if (regions_ && static_cast<std::int64_t>(values.size()) != classes)
      throw Error(name_, fmt::format("{} regions have {} values", classes, values.size()));
  }

  void make_labels() {
    if (!wants_labels_) return;
    const Shape3 image = grid_.image_shape();
    const std::vector<std::int64_t> shape(image.begin(), image.end());
    if (has_wide_labels())
      wide_labels_ = Array<std::uint16_t>(shape);
    else
      labels_ = Array<std::uint8_t>(shape);
  }

  void make_axes(const FinishedLogits& logits) {
    axes_.emplace();
    for (std::size_t a = 0; a < 3; ++a)
      (*axes_)[a] = RestoreAxis(logits.shape[a], box_[a], rule_of(grid_.resampling, a, logits.type));
  }

  LineKind kind_of(const FinishedLogits& logits) const {
    if (logits.type == SumType::fp32) return LineKind::floats;
    return grid_.resampling.method == Resampler::torch ? LineKind::widened_halves : LineKind::halves;
  }

  /// Labels of line (z,y) of the box, to their places in the image.
  void write_labels(const std::int32_t* label, std::int64_t z, std::int64_t y) {
    const std::int64_t first = (z + grid_.crop_start[0]) * strides_[0] + (y + grid_.crop_start[1]) * strides_[1] +
                               grid_.crop_start[2] * strides_[2];
    has_wide_labels() ? copy_labels(label, wide_labels_.data() + first) : copy_labels(label, labels_.data() + first);
  }
  template <class Label>
  void copy_labels(const std::int32_t* label, Label* to) const {
    const std::int64_t width = box_[2], step = strides_[2];
    if (step == 1)
      std::transform(label, label + width, to, [](std::int32_t k) { return static_cast<Label>(k); });
    else
      for (std::int64_t x = 0; x < width; ++x) to[x * step] = static_cast<Label>(label[x]);
  }

  /// Line (z,y) of the box, except for the stretch along x. A weight of 0 comes with its axis: 1, 2 or 4 lines.
  LineMix mix(const FinishedLogits& logits, std::int64_t z, std::int64_t y) const {
    LineMix mix;
    mix.classes = logits.classes;
    mix.class_stride = logits.class_stride;
    mix.width = logits.shape[2];
    const RestoreAxis &z_axis = (*axes_)[0], &y_axis = (*axes_)[1];
    const auto i = static_cast<std::size_t>(z), j = static_cast<std::size_t>(y);
    for (const auto& [from_z, z_weight] :
         {std::pair(z_axis.low[i], z_axis.low_weight[i]), std::pair(z_axis.high[i], z_axis.high_weight[i])})
      for (const auto& [from_y, y_weight] :
           {std::pair(y_axis.low[j], y_axis.low_weight[j]), std::pair(y_axis.high[j], y_axis.high_weight[j])}) {
        if (z_weight * y_weight == 0) continue;
        mix.line[mix.count] = logits.lines[from_z * logits.shape[1] + from_y];
        mix.z_weight[mix.count] = z_weight;
        mix.y_weight[mix.count] = y_weight;
        mix.weight[mix.count++] = z_weight * y_weight;
      }
    return mix;
  }

  /// Labels and probabilities of lines [y_begin, y_end) of slice z.
  void restore_all(const FinishedLogits& logits, LineStretch& stretch, std::int64_t z, std::int64_t y_begin,
                   std::int64_t y_end) {
    const std::int64_t lines = y_end - y_begin, width = box_[2], area = lines * width;
    std::vector<float> values(static_cast<std::size_t>(classes_ * area));
    for (std::int64_t y = 0; y < lines; ++y)
      stretch.logits(mix(logits, z, y_begin + y), values.data() + y * width, area);
    if (logits.type == SumType::fp32 || regions_) choose_labels(values, z, y_begin, lines);
    if (!probabilities_) return;
    if (regions_)
      sigmoid(values.data(), classes_ * area);
    else
      softmax_classes(values.data(), classes_, area);
    if (logits.type == SumType::fp16 && !regions_) choose_labels(values, z, y_begin, lines);
    probabilities_->write(values, lines, z, y_begin);
  }

  /// By logits or probabilities (K, lines, width).
  void choose_labels(const std::vector<float>& values, std::int64_t z, std::int64_t y_begin, std::int64_t lines) {
    if (!wants_labels_) return;
    const std::int64_t width = box_[2], area = lines * width;
    std::vector<std::int32_t> label(static_cast<std::size_t>(width));
    for (std::int64_t y = 0; y < lines; ++y) {
      const float* line = values.data() + y * width;
      if (regions_) {
        std::ranges::fill(label, 0);
        for (std::int64_t k = 0; k < classes_; ++k)
          mark_region(line + k * area, least_in_region_, grid_.labels.region_values[static_cast<std::size_t>(k)], width,
                      label.data());
      } else {
        largest_classes(line, classes_, area, width, label.data());
      }
      write_labels(label.data(), z, y_begin + y);
    }
  }

  std::string name_;
  OriginalGrid grid_;
  Shape3 box_;
  bool wants_labels_;
  bool regions_;
  ProbabilityPlace place_;
  Shape3 strides_;  ///< of the network's axes in label maps
  float least_in_region_ = least_likely_logit();
  std::int64_t classes_ = 0;
  std::optional<std::array<RestoreAxis, 3>> axes_;  ///< from the first lines on, whose type decides
  Array<std::uint8_t> labels_;
  Array<std::uint16_t> wide_labels_;
  std::unique_ptr<ProbabilityOutput> probabilities_;
};

bool has_wide_labels(const LabelSpec& labels) {
  return labels.type == LabelType::uint8_or_uint16 && labels.foreground_labels() >= 255;
}

RestoreSink::RestoreSink(std::string name, const OriginalGrid& grid, bool labels, ProbabilityPlace probabilities)
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
bool RestoreSink::has_wide_labels() const {
  return work_->has_wide_labels();
}
Array<std::uint8_t>& RestoreSink::labels() {
  return work_->labels();
}
Array<std::uint16_t>& RestoreSink::wide_labels() {
  return work_->wide_labels();
}
void RestoreSink::save_probabilities() {
  work_->save_probabilities();
}

}  // namespace nnunet
