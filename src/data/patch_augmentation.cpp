#include "nnunet/data/patch_augmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <string_view>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

constexpr float kDa5Turns = 0.5F;

/// What both trainers have: the box, planes or volumes, mirror axes, masked channels.
PatchAugmentation framed(const ModelPlan& plan, const RotationRule& rule, double room) {
  PatchAugmentation how;
  how.initial = initial_patch(plan.window.patch, rule, room);
  const bool planes = rule.dummy_2d || plan.dim() == 2;
  how.spatial.reading.axes = planes ? Axes::InPlane : Axes::Volume;
  how.mirrored = rule.mirrored;
  for (std::size_t c = 0; c < plan.preprocess.channels.size(); ++c)
    if (plan.preprocess.channels[c].use_mask) how.masked_channels.push_back(static_cast<std::int64_t>(c));
  return how;
}

/// The axes of the most frequent size, where that is more than one axis.
std::array<bool, 3> exchangeable_axes(const std::vector<std::int64_t>& patch) {
  const auto times = [&](std::int64_t size) { return std::count(patch.begin(), patch.end(), size); };
  std::int64_t most = 0;
  for (const std::int64_t size : patch) most = std::max<std::int64_t>(most, times(size));
  std::array<bool, 3> axes{};
  if (most < 2) return axes;
  const std::size_t first = 3 - patch.size();
  for (std::size_t i = 0; i < patch.size(); ++i) axes[first + i] = times(patch[i]) == most;
  return axes;
}

std::vector<std::size_t> chosen(const std::array<bool, 3>& axes) {
  std::vector<std::size_t> list;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (axes[axis]) list.push_back(axis);
  return list;
}

template <class T>
void shuffle(std::vector<T>& values, CounterRng& rng) {
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(i)))]);
}

/// First one turn, then the other.
Turn combined(const Turn& first, const Turn& second) {
  Turn both;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    both.from[axis] = first.from[second.from[axis]];
    both.flipped[axis] = second.flipped[axis] != first.flipped[second.from[axis]];
  }
  return both;
}

void check_probability(std::string_view what, float p) {
  if (!(p >= 0 && p <= 1)) throw Error(what, fmt::format("{} is not a probability", p), "use 0 to 1");
}

}  // namespace

PatchAugmentation default_augmentation(const ModelPlan& plan, bool may_be_dummy_2d) {
  const RotationRule rule = rotation_rule(plan.window.patch, may_be_dummy_2d);
  const auto angle = static_cast<float>(rule.angle);
  PatchAugmentation how = framed(plan, rule, kDefaultRoom);
  how.spatial.rotation = {0.2F, -angle, angle};
  how.spatial.scale = {0.2F, 0.7F, 1.4F};
  how.intensities = v2_default_intensities(rule.dummy_2d);
  if (plan.previous_stage) how.cascade = CascadeAugmentation();
  return how;
}

PatchAugmentation da5_augmentation(const ModelPlan& plan) {
  const RotationRule rule = rotation_rule(plan.window.patch);
  const auto angle = static_cast<float>(rule.angle);
  PatchAugmentation how = framed(plan, rule, kDa5Room);
  how.spatial.rotation = {0.4F, -angle, angle};
  how.spatial.angle_probability = 0.5F;
  how.spatial.scale = {0.2F, 0.7F, 1.43F};
  how.spatial.scale_per_axis = true;
  how.spatial.exchangeable = exchangeable_axes(plan.window.patch);
  how.spatial.quarter_turns = how.spatial.transpose = kDa5Turns;
  how.intensities = da5_intensities(rule.dummy_2d);
  if (plan.previous_stage) how.cascade = every_channel_cascade_augmentation();
  return how;
}

PatchAugmentation validation_augmentation(const ModelPlan&) {
  return {};
}

void check_patch_augmentation(const PatchAugmentation& how, const Shape3& patch) {
  const SpatialAugmentation& s = how.spatial;
  check_probability("rotation", s.rotation.probability);
  check_probability("rotation of an axis", s.angle_probability);
  check_probability("scaling", s.scale.probability);
  check_probability("quarter turns", s.quarter_turns);
  check_probability("transposition", s.transpose);
  if (s.scale.probability > 0 && !(s.scale.low > 0 && s.scale.low <= s.scale.high))
    throw Error("scaling", fmt::format("there are no factors from {} to {}", s.scale.low, s.scale.high));
  const Shape3 initial = how.initial.value_or(patch);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (initial[axis] < patch[axis]) {
      throw Error("initial patch",
                  fmt::format("{} does not hold the patch {}", shape_text(initial), shape_text(patch)));
    }
  }
  if (s.reading.axes == Axes::InPlane && initial[0] != patch[0])
    throw Error("initial patch", "planes that are transformed by themselves keep the depth of the patch");
  const auto axes = chosen(s.exchangeable);
  for (const std::size_t axis : axes)
    if (patch[axis] != patch[axes.front()])
      throw Error("transposition", "the axes of the patch " + shape_text(patch) + " differ in size");
}

std::optional<SpatialTransform> draw_transform(const SpatialAugmentation& how, CounterRng& rng) {
  const bool rotates = rng.coin(how.rotation.probability), scales = rng.coin(how.scale.probability);
  if (!rotates && !scales) return std::nullopt;
  const bool planes = how.reading.axes == Axes::InPlane;
  SpatialTransform transform;
  if (rotates) {
    for (std::size_t axis = 0; axis < (planes ? 1U : 3U); ++axis) {
      const float angle = rng.uniform(how.rotation.low, how.rotation.high);
      if (rng.coin(how.angle_probability)) transform.angles[axis] = static_cast<double>(angle);
    }
  }
  if (scales) {
    const float all = rng.uniform(how.scale.low, how.scale.high);
    for (std::size_t axis = planes ? 1 : 0; axis < 3; ++axis) {
      const float own = how.scale_per_axis ? rng.uniform(how.scale.low, how.scale.high) : all;
      transform.scale[axis] = static_cast<double>(own);
    }
  }
  return transform;
}

Turn draw_turn(const SpatialAugmentation& how, CounterRng& rng) {
  std::vector<std::size_t> axes = chosen(how.exchangeable);
  Turn turn;
  if (axes.size() < 2) return turn;
  if (rng.coin(how.quarter_turns)) {
    std::vector<std::size_t> plane = axes;
    shuffle(plane, rng);
    turn = quarter_turns(static_cast<int>(rng.integer(4)), std::min(plane[0], plane[1]), std::max(plane[0], plane[1]));
  }
  if (rng.coin(how.transpose)) {
    std::vector<std::size_t> order = axes;
    shuffle(order, rng);
    Turn transposed;
    for (std::size_t i = 0; i < axes.size(); ++i) transposed.from[axes[i]] = order[i];
    turn = combined(turn, transposed);
  }
  return turn;
}

std::array<bool, 3> draw_mirrored(const std::array<bool, 3>& axes, CounterRng& rng) {
  std::array<bool, 3> mirrored{};
  for (std::size_t axis = 0; axis < 3; ++axis) mirrored[axis] = axes[axis] && rng.coin(0.5F);
  return mirrored;
}

CounterRng PatchKey::rng(Purpose purpose) const {
  constexpr std::uint32_t kFirst = 16;  // beyond the streams of data/patch_place.h
  const auto streams = static_cast<std::uint32_t>(Purpose::count);
  return {seed, epoch, sample, kFirst + (validation ? streams : 0) + static_cast<std::uint32_t>(purpose)};
}

PatchDraws draw_patch(const PatchAugmentation& how, std::int64_t channels, const Shape3& patch, const PatchKey& key) {
  using Purpose = PatchKey::Purpose;
  CounterRng transform = key.rng(Purpose::transform), turn = key.rng(Purpose::turn);
  CounterRng intensities = key.rng(Purpose::intensities), mirror = key.rng(Purpose::mirror);
  return {.transform = draw_transform(how.spatial, transform),
          .turn = draw_turn(how.spatial, turn),
          .intensities = draw_intensities(how.intensities, channels, patch, intensities),
          .mirrored = draw_mirrored(how.mirrored, mirror)};
}

PatchLabels::PatchLabels(const LabelSpec& labels) {
  std::set<int> values;
  for (const LabelEntry& entry : labels.entries) values.insert(entry.values.begin(), entry.values.end());
  for (const int value : values)
    if (value != 0 && value != labels.ignore) foreground.push_back(static_cast<std::int16_t>(value));
  const int last = std::max(values.empty() ? 0 : *values.rbegin(), labels.ignore.value_or(0));
  if (last > std::numeric_limits<std::uint8_t>::max()) {
    throw Error("labels", fmt::format("the largest is {}", last),
                "training takes labels up to 255: number them consecutively, or leave some out");
  }
  largest = static_cast<std::int16_t>(last);
}

void augment_patch(const TrainingCase& from, const Shape3& start, const PatchAugmentation& how, const Shape3& patch,
                   const PatchLabels& labels, const PatchKey& key, const PatchOutput& to, PatchBuffers& buffers) {
  const PatchDraws draws = draw_patch(how, from.channels, patch, key);
  TrainingPatch& made = buffers.patch;
  read_patch({from, start, how.initial.value_or(patch)}, draws.transform, how.spatial.reading, patch, made,
             buffers.spatial);
  turn_patch(draws.turn, made, buffers.turned);
  for (const IntensityStep& step : draws.intensities) apply_step(step, made, buffers.scratch);
  write_patch(made, draws.mirrored, how.masked_channels, labels, to);
  if (made.labels.size(0) < 2) return;
  Array<std::uint8_t>& channels = buffers.previous_stage;
  separate_labels(made.labels.slab(1).data(), patch, draws.mirrored, labels.foreground, channels);
  if (how.cascade) {
    CounterRng cascade = key.rng(PatchKey::Purpose::cascade);
    augment_previous_stage(channels, *how.cascade, cascade, buffers.scratch);
  }
  float* const out = to.image + made.image.numel();
  std::transform(channels.values.begin(), channels.values.end(), out,
                 [](std::uint8_t v) { return static_cast<float>(v); });
}

}  // namespace nnunet
