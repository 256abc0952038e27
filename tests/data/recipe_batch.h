#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "nnunet/data/augment.h"
#include "nnunet/data/recipe.h"

namespace nnunet::test {

/// A batch (N,C,D,H,W) as plain crops with their recipes, and as the CPU's augment() makes it. 2D: D is 1.
struct RecipeBatch {
  std::int64_t images = 0, channels;
  Shape3 size;  ///< of an image
  std::vector<Recipe> recipes;
  std::vector<float> crops, expected;
  std::vector<std::uint8_t> crop_labels, expected_labels;

  /// slices: 0 for volumes; else 2D, samples are blocks of so many slices, each a slice longer than the one before.
  RecipeBatch(std::int64_t channels_, const Shape3& size_, const std::vector<Augmentation>& samples, int slices = 0)
      : channels(channels_), size(size_) {
    std::uint32_t number = 0;
    for (const Augmentation& how : samples) {
      add(how, slices > 0 ? slices + number : 0, number);
      ++number;
    }
  }

 private:
  void add(const Augmentation& how, std::int64_t slices, std::uint32_t number) {
    const Axes axes = slices > 0 ? Axes::InPlane : Axes::Volume;
    const Shape3 patch = {slices > 0 ? slices : size[0], size[1], size[2]};
    // Longer than the patch, shorter, of the same length: crops with zeros at one side or both.
    const Shape3 whole = {patch[0] + (slices > 0 ? 1 : -2), patch[1] + 3, patch[2] + 5};
    const Shape3 start = {slices > 0 ? 1 : -1, number % 2 == 0 ? 2 : -1, 3};
    Array<float> image({channels, std::max<std::int64_t>(1, whole[0]), whole[1], whole[2]});
    Array<std::uint8_t> label({image.shape[1], whole[1], whole[2]});
    for (std::size_t i = 0; i < image.values.size(); ++i)
      image.values[i] = std::sin(0.37F * static_cast<float>(i)) + 0.01F * static_cast<float>(i % 113);
    for (std::size_t i = 0; i < label.values.size(); ++i) label.values[i] = static_cast<std::uint8_t>(i * i % 5);
    const CaseView from{image.data(), label.data(), channels, image.spatial()};

    const std::int64_t added = slices > 0 ? slices : 1, first = images;
    images += added;
    const NoiseKey key{1ULL << 40 | 7, 2, number, 3};
    const Recipe recipe = make_recipe(how, key, size, axes, first, added);
    recipes.insert(recipes.end(), static_cast<std::size_t>(added), recipe);
    AugmentScratch scratch;
    augment(from, start, {}, axes, {}, room(crops, crop_labels, patch, axes), scratch);
    augment(from, start, how, axes, key, room(expected, expected_labels, patch, axes), scratch);
  }
  PatchView room(std::vector<float>& image, std::vector<std::uint8_t>& label, const Shape3& patch, Axes axes) const {
    const std::int64_t plane = patch[1] * patch[2];
    const auto voxels = static_cast<std::size_t>(volume(patch)), values = voxels * static_cast<std::size_t>(channels);
    image.resize(image.size() + values);
    label.resize(label.size() + voxels);
    PatchView view{image.data() + image.size() - values, label.data() + label.size() - voxels, channels, patch};
    view.channel_stride = axes == Axes::Volume ? volume(patch) : plane;
    view.plane_stride = axes == Axes::Volume ? plane : channels * plane;
    return view;
  }
};

/// Nothing, each operator by itself, and all together.
inline std::vector<Augmentation> every_operator() {
  const Augmentation all{.zoom = 0.75F,
                         .flip = {true, true, true},
                         .noise_std = 0.3F,
                         .blur_sigma = 1.5F,
                         .brightness = 1.2F,
                         .contrast = 1.4F};
  std::vector<Augmentation> samples = {
      {}, {.zoom = 0.83F}, {.noise_std = 0.2F}, {.blur_sigma = 0.6F}, {.brightness = 0.8F}, {.contrast = 1.3F}, all};
  for (std::size_t axis = 0; axis < 3; ++axis) samples.emplace_back().flip[axis] = true;
  return samples;
}

/// In 2D the depth is never flipped.
inline std::vector<Augmentation> every_operator_in_plane() {
  std::vector<Augmentation> samples = every_operator();
  for (Augmentation& how : samples) how.flip[0] = false;
  return samples;
}

/// Patches of odd sizes, anisotropic, narrow ones, and of planes that several blocks of threads work on.
inline std::vector<Shape3> patch_sizes() {
  return {{5, 7, 19}, {4, 29, 37}, {9, 1, 1}, {1, 9, 33}, {3, 2, 50}};
}

/// Rounding: sums of up to 64 products of values below 4, in another order.
inline constexpr double kAugmentRounding = 4e-6;

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = difference <= largest ? largest : std::isnan(difference) ? INFINITY : difference;
  }
  return largest;
}

}  // namespace nnunet::test
