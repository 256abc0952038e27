#include <algorithm>

#include "nnunet/core/parallel.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"

namespace nnunet {

namespace {

constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float)), kDouble = static_cast<std::int64_t>(sizeof(double));
constexpr auto kLabel = static_cast<std::int64_t>(sizeof(std::int16_t));

struct Shapes {
  Shape3 from, to;
};

// With the axis that is resampled apart first.
Shapes turned(const Shape3& from, const Shape3& to, std::optional<int> across) {
  if (across.value_or(0) == 0) return {from, to};
  const std::array<int, 3> order = *across == 1 ? std::array{1, 0, 2} : std::array{2, 0, 1};
  return {in_order(from, order), in_order(to, order)};
}

// Copies of input and output with turned axes, and the slices between the two steps.
std::int64_t steps_between(const Shapes& s, const ResamplingRule& rule, std::optional<int> across, std::int64_t value) {
  std::int64_t bytes = 0;
  if (across && *across != 0) bytes += (volume(s.from) + volume(s.to)) * value;
  const bool two_steps = across && rule.method == Resampler::spline && rule.order_across != 0;
  if (two_steps) bytes += s.from[0] * s.to[1] * s.to[2] * value;
  return bytes;
}

}  // namespace

std::int64_t resample_volume_memory(const Shape3& from, const Shape3& to, const ResamplingRule& rule,
                                    std::optional<int> across) {
  if (from == to || rule.method == Resampler::none) return 0;
  const Shapes s = turned(from, to, across);
  const std::int64_t between = steps_between(s, rule, across, kFloat);
  if (rule.method == Resampler::spline && rule.order == 3) return between + resample_image_memory(s.from, s.to);
  const std::int64_t planes = (s.from[1] * s.to[2] + 2 * s.to[1] * s.to[2]) * kDouble;  // a thread's
  return between + planes * std::min<std::int64_t>(available_cores(), s.to[0]);
}

std::int64_t resample_label_memory(const Shape3& from, const Shape3& to, const ResamplingRule& rule,
                                   std::optional<int> across) {
  if (from == to || rule.method == Resampler::none) return 0;
  const Shapes s = turned(from, to, across);
  std::int64_t bytes = steps_between(s, rule, across, kLabel);
  const bool masks = rule.method == Resampler::spline && (rule.order == 3 || rule.order_across == 3);
  // A label's mask and scores, the best ones, the nearest neighbours and which of these are best.
  if (masks)
    bytes += volume(s.from) * kFloat + volume(s.to) * (2 * kFloat + kLabel + 1) + resample_image_memory(s.from, s.to);
  return bytes;
}

}  // namespace nnunet
