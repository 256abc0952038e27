#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numbers>

#include "chi_squared.h"
#include "nnunet/core/error.h"
#include "nnunet/data/patch_augmentation.h"
#include "training_cases.h"

namespace nnunet {
namespace {

using test::expect_drawn_from;
using test::expect_evenly_drawn;
using test::plain_labels;

constexpr std::uint32_t kDraws = 100000;
constexpr double kPi = std::numbers::pi;

ModelPlan plan_of(std::vector<std::int64_t> patch, bool previous_stage = false) {
  ModelPlan plan;
  plan.window.patch = std::move(patch);
  plan.labels = plain_labels(2);
  plan.preprocess.channels = {{.use_mask = false}, {.use_mask = true}};
  plan.previous_stage = previous_stage;
  return plan;
}

/// Counts of values by twenty equal parts of [low, high].
std::vector<std::int64_t> histogram(const std::vector<double>& values, double low, double high) {
  test::Histogram parts(low, high, 20);
  for (const double value : values) parts.add(value);
  return parts.counts();
}

struct Drawn {
  std::vector<std::int64_t> coins = std::vector<std::int64_t>(4);  // rotated, scaled
  std::vector<double> angles, scales;
  std::vector<std::int64_t> angles_kept = std::vector<std::int64_t>(8);
  std::int64_t equal_scales = 0;
};

Drawn draw(const PatchAugmentation& how) {
  Drawn d;
  for (std::uint32_t sample = 0; sample < kDraws; ++sample) {
    CounterRng rng = PatchKey{3, 2, sample}.rng(PatchKey::Purpose::transform);
    const auto t = draw_transform(how.spatial, rng);
    if (!t) {
      ++d.coins[0];
      continue;
    }
    const bool scaled = t->scale != std::array<double, 3>{1, 1, 1}, rotated = t->angles != std::array<double, 3>{};
    ++d.coins[(rotated ? 1U : 0U) + (scaled ? 2U : 0U)];
    std::size_t kept = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (t->angles[axis] != 0) d.angles.push_back(t->angles[axis]);
      if (t->angles[axis] != 0) kept += std::size_t{1} << axis;
      if (scaled && t->scale[axis] != 1) d.scales.push_back(t->scale[axis]);
    }
    if (rotated) ++d.angles_kept[kept];
    if (scaled && t->scale[1] == t->scale[2]) ++d.equal_scales;
  }
  return d;
}

TEST(PatchAugmentation, DefaultOfVolumes) {
  const PatchAugmentation how = default_augmentation(plan_of({40, 56, 40}));
  EXPECT_EQ(how.initial, (Shape3{73, 80, 64}));
  EXPECT_EQ(how.spatial.reading.axes, Axes::Volume);
  EXPECT_EQ(how.mirrored, (std::array<bool, 3>{true, true, true}));
  EXPECT_EQ(how.masked_channels, std::vector<std::int64_t>{1});
  EXPECT_FALSE(how.intensities.empty());
  EXPECT_FALSE(how.cascade);
  EXPECT_TRUE(default_augmentation(plan_of({40, 56, 40}, true)).cascade);
  const Drawn d = draw(how);
  expect_drawn_from(d.coins, {0.64, 0.16, 0.16, 0.04});
  expect_evenly_drawn(histogram(d.angles, -kPi / 6 - 1e-6, kPi / 6));
  EXPECT_EQ(d.angles_kept[7], d.coins[1] + d.coins[3]);  // all three or none
  EXPECT_EQ(d.equal_scales, d.coins[2] + d.coins[3]);
  std::vector<double> one_a_patch;
  for (std::size_t i = 0; i < d.scales.size(); i += 3) one_a_patch.push_back(d.scales[i]);
  expect_evenly_drawn(histogram(one_a_patch, 0.7 - 1e-6, 1.4));
}

TEST(PatchAugmentation, DefaultOfPlanes) {
  const PatchAugmentation flat = default_augmentation(plan_of({56, 40}));
  EXPECT_EQ(flat.initial, (Shape3{1, 65, 65}));
  EXPECT_EQ(flat.mirrored, (std::array<bool, 3>{false, true, true}));
  const PatchAugmentation dummy = default_augmentation(plan_of({16, 320, 256}));
  EXPECT_EQ(dummy.initial, (Shape3{16, 376, 376}));
  for (const PatchAugmentation& how : {flat, dummy}) {
    EXPECT_EQ(how.spatial.reading.axes, Axes::InPlane);
    const Drawn d = draw(how);
    expect_drawn_from(d.coins, {0.64, 0.16, 0.16, 0.04});
    expect_evenly_drawn(histogram(d.angles, -kPi - 1e-6, kPi + 1e-6));
    EXPECT_EQ(d.angles_kept[1], d.coins[1] + d.coins[3]);  // the plane's angle alone
    EXPECT_EQ(d.equal_scales, d.coins[2] + d.coins[3]);
    EXPECT_EQ(static_cast<std::int64_t>(d.scales.size()), 2 * d.equal_scales);
  }
  EXPECT_EQ(default_augmentation(plan_of({16, 320, 256}), false).spatial.reading.axes, Axes::Volume);
}

TEST(PatchAugmentation, Da5sTransforms) {
  const PatchAugmentation how = da5_augmentation(plan_of({40, 56, 40}));
  EXPECT_EQ(how.initial, (Shape3{89, 97, 78}));
  const Drawn d = draw(how);
  // An angle is kept with 1/2: of 0.4 rotated ones an eighth keeps none.
  expect_drawn_from(d.coins, {0.8 * (0.6 + 0.05), 0.8 * 0.35, 0.2 * (0.6 + 0.05), 0.2 * 0.35});
  EXPECT_EQ(d.angles_kept[0], 0);
  expect_evenly_drawn({d.angles_kept.begin() + 1, d.angles_kept.end()});
  expect_evenly_drawn(histogram(d.scales, 0.7 - 1e-6, 1.43 + 1e-6));
  EXPECT_LT(d.equal_scales, 10);
}

std::vector<std::int64_t> turns(const std::vector<std::int64_t>& patch, std::size_t* kinds) {
  const PatchAugmentation how = da5_augmentation(plan_of(patch));
  std::map<std::pair<std::array<std::size_t, 3>, std::array<bool, 3>>, std::int64_t> seen;
  for (std::uint32_t sample = 0; sample < kDraws; ++sample) {
    CounterRng rng = PatchKey{3, 2, sample}.rng(PatchKey::Purpose::turn);
    const Turn turn = draw_turn(how.spatial, rng);
    ++seen[{turn.from, turn.flipped}];
  }
  *kinds = seen.size();
  std::vector<std::int64_t> counts;
  for (const auto& [turn, count] : seen) counts.push_back(count);
  return counts;
}

TEST(PatchAugmentation, Da5sTurns) {
  std::size_t kinds = 0;
  turns({40, 56, 48}, &kinds);
  EXPECT_EQ(kinds, 1U);  // no two axes alike
  const std::vector<std::int64_t> planes = turns({40, 56, 40}, &kinds);
  EXPECT_EQ(kinds, 8U);
  // Axes 0 and 2: half of the patches are turned 0 to 3 times; of half of them the axes are put in any order. So no
  // turn has 1/2 + 1/8, each other number 1/8, and 1/4 is transposed.
  std::map<std::pair<int, bool>, double> expected;
  for (int k = 0; k < 4; ++k)
    for (const bool transposed : {false, true})
      expected[{k, transposed}] = (k == 0 ? 0.625 : 0.125) * (transposed ? 0.25 : 0.75);
  std::vector<double> sorted_expected;
  for (const auto& [which, p] : expected) sorted_expected.push_back(p);
  std::sort(sorted_expected.begin(), sorted_expected.end());
  std::vector<std::int64_t> sorted = planes;
  std::sort(sorted.begin(), sorted.end());
  expect_drawn_from(sorted, sorted_expected);
  turns({32, 32, 32}, &kinds);
  EXPECT_GT(kinds, 24U);
  turns({64, 64}, &kinds);
  EXPECT_EQ(kinds, 8U);
}

TEST(PatchAugmentation, MirrorCoins) {
  std::vector<std::int64_t> all(8), one(2);
  for (std::uint32_t sample = 0; sample < kDraws; ++sample) {
    CounterRng rng = PatchKey{3, 2, sample}.rng(PatchKey::Purpose::mirror), again = rng;
    const auto mirrored = draw_mirrored({true, true, true}, rng), height = draw_mirrored({false, true, false}, again);
    ++all[(mirrored[0] ? 4U : 0U) + (mirrored[1] ? 2U : 0U) + (mirrored[2] ? 1U : 0U)];
    EXPECT_FALSE(height[0] || height[2]);
    ++one[height[1] ? 1 : 0];
  }
  expect_evenly_drawn(all);
  expect_evenly_drawn(one);
}

TEST(PatchAugmentation, PurposesAndValidationShareNoNumbers) {
  std::map<std::uint32_t, int> seen;
  for (const bool validation : {false, true})
    for (std::uint32_t p = 0; p < static_cast<std::uint32_t>(PatchKey::Purpose::count); ++p)
      ++seen[PatchKey{1, 2, 3, validation}.rng(static_cast<PatchKey::Purpose>(p)).next()];
  EXPECT_EQ(seen.size(), 2 * static_cast<std::size_t>(PatchKey::Purpose::count));
}

TEST(WritePatch, MirrorsMasksAndCounts) {
  const Shape3 size{2, 3, 5};
  TrainingPatch patch;
  patch.image = Array<float>({2, 2, 3, 5});
  patch.labels = Array<std::int16_t>({1, 2, 3, 5});
  for (std::size_t i = 0; i < 60; ++i) patch.image.values[i] = static_cast<float>(i) + 1;
  for (std::size_t i = 0; i < 30; ++i) patch.labels.values[i] = static_cast<std::int16_t>(i % 4) - 1;
  const PatchLabels labels(plain_labels(2));
  std::vector<float> image(60);
  std::vector<std::uint8_t> label(30), once_more(60);
  Array<std::uint8_t> separate;
  for (std::size_t which = 0; which < 8; ++which) {
    const std::array<bool, 3> mirrored{(which & 4) != 0, (which & 2) != 0, (which & 1) != 0};
    write_patch(patch, mirrored, {1}, labels, {image.data(), label.data()});
    separate_labels(patch.labels.data(), size, mirrored, labels.foreground, separate);
    EXPECT_EQ(separate.shape, (std::vector<std::int64_t>{2, 2, 3, 5}));
    std::size_t out = 0;
    for (std::size_t d = 0; d < 2; ++d) {
      for (std::size_t h = 0; h < 3; ++h) {
        for (std::size_t w = 0; w < 5; ++w, ++out) {
          const std::size_t in =
              ((mirrored[0] ? 1 - d : d) * 3 + (mirrored[1] ? 2 - h : h)) * 5 + (mirrored[2] ? 4 - w : w);
          const int v = patch.labels.values[in];
          ASSERT_EQ(label[out], std::max(v, 0));
          ASSERT_EQ(image[out], static_cast<float>(in) + 1);
          ASSERT_EQ(image[30 + out], v < 0 ? 0.0F : static_cast<float>(in) + 31);
          ASSERT_EQ(separate.values[out], v == 1 ? 1 : 0);
          ASSERT_EQ(separate.values[30 + out], v == 2 ? 1 : 0);
        }
      }
    }
  }
  patch.labels.values[17] = 3;
  EXPECT_THROW(write_patch(patch, {}, {}, labels, {image.data(), label.data()}), Error);
}

TEST(PatchLabelsTest, ForegroundAndIgnore) {
  LabelSpec spec = plain_labels(3);
  spec.ignore = 4;
  EXPECT_EQ(PatchLabels(spec).largest, 4);
  EXPECT_EQ(PatchLabels(spec).foreground, (std::vector<std::int16_t>{1, 2, 3}));
  LabelSpec regions;
  regions.entries = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}};
  EXPECT_EQ(PatchLabels(regions).foreground, (std::vector<std::int16_t>{1, 2, 3}));
  EXPECT_NO_THROW(PatchLabels(plain_labels(255)));
  EXPECT_THROW(PatchLabels(plain_labels(256)), Error);
}

TEST(AugmentPatch, ValidationIsThePlainCrop) {
  test::CasesInMemory cases;
  cases.add(
      "a", 2, {9, 12, 11}, [](auto c, auto z, auto y, auto x) { return 1000 * c + 100 * z + 10 * y + x; },
      [](auto z, auto y, auto x) { return (z + y + x) % 4 - 1; }, plain_labels(2), 2);
  const PatchLabels labels(plain_labels(2));
  const Shape3 patch{4, 6, 5}, start{-1, 7, 3};
  std::vector<float> image(4 * 120);
  std::vector<std::uint8_t> label(120);
  PatchBuffers buffers;
  augment_patch(cases.open("a"), start, validation_augmentation(plan_of({4, 6, 5}, true)), patch, labels,
                {1, 2, 3, true}, {image.data(), label.data()}, buffers);
  std::size_t i = 0;
  for (std::int64_t z = 0; z < 4; ++z) {
    for (std::int64_t y = 0; y < 6; ++y) {
      for (std::int64_t x = 0; x < 5; ++x, ++i) {
        const std::int64_t a = z - 1, b = y + 7, c = x + 3;
        const bool inside = a >= 0 && b < 12 && c < 11;
        const auto v = static_cast<int>(inside ? (a + b + c) % 4 - 1 : -1);
        ASSERT_EQ(image[i], inside ? static_cast<float>(100 * a + 10 * b + c) : 0.0F);
        ASSERT_EQ(image[120 + i], inside ? static_cast<float>(1000 + 100 * a + 10 * b + c) : 0.0F);
        ASSERT_EQ(label[i], std::max(v, 0));
        ASSERT_EQ(image[240 + i], v == 1 ? 1.0F : 0.0F);
        ASSERT_EQ(image[360 + i], v == 2 ? 1.0F : 0.0F);
      }
    }
  }
}

TEST(PatchAugmentation, WhatDoesNotFitIsRefused) {
  const Shape3 patch{8, 8, 10};
  const auto refused = [&](auto change) {
    PatchAugmentation how = default_augmentation(plan_of({8, 8, 10}));
    EXPECT_NO_THROW(check_patch_augmentation(how, patch));
    change(how);
    EXPECT_THROW(check_patch_augmentation(how, patch), Error);
  };
  refused([](auto& how) { how.spatial.rotation.probability = 1.5F; });
  refused([](auto& how) { how.spatial.scale.low = 0; });
  refused([](auto& how) { how.spatial.transpose = -1; });
  refused([](auto& how) { how.initial = Shape3{7, 8, 10}; });
  refused([](auto& how) { how.spatial.reading.axes = Axes::InPlane; });
  refused([](auto& how) { how.spatial.exchangeable = {true, false, true}; });
}

}  // namespace
}  // namespace nnunet
