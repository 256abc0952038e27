#include "patch_recipe_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "channel_step.h"
#include "readable_box.h"
#include "transformed_reader.h"

namespace nnunet {
namespace {

/// [low, high) of the initial patch along one axis.
struct Span {
  std::int64_t low = 0, high = 0;
};

/// What the corners of the patch, and so all of it, may read along an axis, with a voxel to spare for rounding.
Span reach(const float (&row)[3], const Shape3& patch, std::int64_t initial) {
  double half = 0;
  for (std::size_t axis = 0; axis < 3; ++axis)
    half += std::abs(static_cast<double>(row[axis])) * 0.5 * static_cast<double>(patch[axis] - 1);
  const double middle = 0.5 * static_cast<double>(initial - 1);
  return {static_cast<std::int64_t>(std::floor(middle - half)) - 1,
          static_cast<std::int64_t>(std::ceil(middle + half)) + 2};
}

/// Narrows the recipe's crop to what the patch reads and the volume holds.
void set_crop(const PatchSource& source, const Shape3& patch, PatchRecipe& recipe) {
  const ReadableBox box(source);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Span wanted{recipe.offset[axis], recipe.offset[axis] + patch[axis]};
    if (recipe.transformed && !(recipe.planes && axis == 0))
      wanted = reach(recipe.matrix[axis], patch, source.size[axis]);
    const auto low = std::clamp<std::int64_t>(wanted.low, box.low[axis], std::max(box.low[axis], box.high[axis]));
    const auto high = std::clamp<std::int64_t>(wanted.high, low, std::max<std::int64_t>(low, box.high[axis]));
    recipe.low[axis] = static_cast<std::int32_t>(low);
    recipe.size[axis] = static_cast<std::int32_t>(high - low);
  }
}

Shape3 crop_size(const PatchRecipe& recipe) {
  return {recipe.size[0], recipe.size[1], recipe.size[2]};
}

/// The crop's rows, one behind the other.
template <class T>
void copy_rows(const T* from, const PatchSource& source, const PatchRecipe& recipe, T* to) {
  const Shape3& whole = source.from.size;
  const auto [depth, height, width] = crop_size(recipe);
  if (width == 0) return;
  for (std::int64_t d = 0; d < depth; ++d)
    for (std::int64_t h = 0; h < height; ++h, to += width) {
      const std::int64_t z = source.start[0] + recipe.low[0] + d, y = source.start[1] + recipe.low[1] + h;
      std::copy_n(from + (z * whole[1] + y) * whole[2] + source.start[2] + recipe.low[2], width, to);
    }
}

}  // namespace

PatchRecipeWriter::PatchRecipeWriter(const PatchAugmentation& how, const Shape3& patch, std::int64_t channels,
                                     const BatchMemory& memory)
    : how_(how), patch_(patch), memory_(memory) {
  batch_.channels = channels;
  batch_.entries = static_cast<std::int64_t>(how.intensities.size());
  batch_.drawn.assign(how.intensities.size(), 0);
}

PatchRecipe PatchRecipeWriter::recipe_of(const PatchSource& source, const PatchDraws& draws) const {
  const PatchReading& reading = how_.spatial.reading;
  PatchRecipe recipe;
  recipe.transformed = draws.transform.has_value();
  recipe.planes = reading.axes == Axes::InPlane;
  recipe.nearest_image = reading.image == PatchInterpolation::nearest;
  recipe.nearest_labels = reading.labels == PatchInterpolation::nearest;
  if (draws.transform) {
    const TransformMatrix matrix = transform_matrix(*draws.transform, reading.axes);
    for (std::size_t i = 0; i < 3; ++i) std::copy_n(matrix[i].begin(), 3, recipe.matrix[i]);
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    recipe.initial[axis] = static_cast<float>(source.size[axis]);
    recipe.offset[axis] = static_cast<std::int32_t>(source.size[axis] / 2 - patch_[axis] / 2);
    recipe.from[axis] = static_cast<std::int32_t>(draws.turn.from[axis]);
    recipe.flipped[axis] = draws.turn.flipped[axis];
    recipe.mirrored[axis] = draws.mirrored[axis];
  }
  set_crop(source, patch_, recipe);
  return recipe;
}

PatchRecipes::Crop PatchRecipeWriter::copy(const PatchSource& source, const PatchRecipe& recipe,
                                           const PatchLabels& labels) const {
  constexpr std::int64_t kAlign = PatchRecipes::kAlign;
  const std::int64_t voxels = volume(crop_size(recipe)), values = batch_.channels * voxels;
  const std::int64_t bytes =
      values * static_cast<std::int64_t>(sizeof(float)) + voxels * static_cast<std::int64_t>(sizeof(std::int16_t));
  PatchRecipes::Crop crop;
  crop.bytes = std::max<std::int64_t>(1, (bytes + kAlign - 1) / kAlign) * kAlign;
  crop.memory = memory_.take<std::byte>(crop.bytes);
  auto* const image = reinterpret_cast<float*>(crop.memory.get());
  auto* const label = reinterpret_cast<std::int16_t*>(image + values);
  for (std::int64_t c = 0; c < batch_.channels; ++c)
    copy_rows(source.from.image + c * volume(source.from.size), source, recipe, image + c * voxels);
  copy_rows(source.from.labels[0], source, recipe, label);
  labels.check({label, static_cast<std::size_t>(voxels)});
  return crop;
}

void PatchRecipeWriter::add_steps(const std::vector<IntensityStep>& intensities) {
  const std::size_t first = steps_.size(), row = how_.intensities.size() + 1;
  const auto channels = static_cast<std::size_t>(batch_.channels);
  steps_.resize(first + channels * row);
  std::vector<std::int32_t> side(channels, 0);
  for (const IntensityStep& each : intensities) {
    const auto channel = static_cast<std::size_t>(each.channel);
    ChannelStep step = channel_step(each.what, patch_, tables_);
    step.side = side[channel];
    side[channel] = (side[channel] + places_changed(step)) % 2;
    batch_.drawn[each.entry] |= 1U << static_cast<std::uint32_t>(step.what);
    if (step.what == ChannelOperator::blank_boxes) batch_.most_boxes = std::max(batch_.most_boxes, step.count);
    steps_[first + channel * row + each.entry] = step;
  }
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const auto& masked = how_.masked_channels;
    ChannelStep& last = steps_[first + channel * row + row - 1];
    last.side = side[channel];
    last.masked = std::find(masked.begin(), masked.end(), static_cast<std::int64_t>(channel)) != masked.end();
  }
}

void PatchRecipeWriter::add(const TrainingCase& from, const Shape3& start, const PatchDraws& draws,
                            const PatchLabels& labels) {
  const PatchSource source{from, start, how_.initial.value_or(patch_)};
  PatchRecipe recipe = recipe_of(source, draws);
  batch_.crops.push_back(copy(source, recipe, labels));
  recipe.image = crop_bytes_;
  recipe.labels = crop_bytes_ + batch_.channels * volume(crop_size(recipe)) * static_cast<std::int64_t>(sizeof(float));
  crop_bytes_ += batch_.crops.back().bytes;
  recipes_.push_back(recipe);
  add_steps(draws.intensities);
}

PatchRecipes PatchRecipeWriter::take() {
  batch_.work_bytes = batch_.tables_at() + static_cast<std::int64_t>(tables_.size());
  batch_.work = memory_.take<std::byte>(batch_.work_bytes);
  auto put = [to = batch_.work.get()](const auto& values) mutable {
    const std::size_t bytes = values.size() * sizeof(values[0]);
    if (bytes > 0) std::memcpy(to, values.data(), bytes);
    to += bytes;
  };
  put(recipes_);
  put(steps_);
  put(tables_);
  return std::move(batch_);
}

}  // namespace nnunet
