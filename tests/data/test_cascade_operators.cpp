#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "chi_squared.h"
#include "nnunet/data/cascade_operators.h"
#include "reference/npz.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

constexpr const char* kReference = "reference-v2/run/augmentation.npz";
using Mask = std::vector<std::uint8_t>;
constexpr Morphology kAll[] = {Morphology::dilation, Morphology::erosion, Morphology::closing, Morphology::opening};

/// binary_input of augmentation.json.
Array<std::uint8_t> reference_mask() {
  Array<std::uint8_t> mask({14, 18, 16});
  const auto set = [&](const Shape3& from, const Shape3& to, std::uint8_t value) {
    for (std::int64_t z = from[0]; z < to[0]; ++z)
      for (std::int64_t y = from[1]; y < to[1]; ++y)
        for (std::int64_t x = from[2]; x < to[2]; ++x)
          mask.values[static_cast<std::size_t>((z * 18 + y) * 16 + x)] = value;
  };
  set({3, 4, 5}, {9, 12, 10}, 1);
  set({0, 0, 12}, {3, 5, 16}, 1);
  set({10, 15, 1}, {14, 18, 3}, 1);
  set({5, 7, 7}, {6, 8, 8}, 0);
  return mask;
}

TEST(CascadeReference, BallsAndDisks) {
  NNUNET_NEEDS_SHARED(kReference);
  const test::Npz npz(test::shared_dir() / kReference);
  for (const char* const radius : {"1", "1.7", "2.4", "3.0", "4.9"}) {
    const auto ball = npz.load<std::uint8_t>(fmt::format("ball_{}", radius));
    const auto disk = npz.load<std::uint8_t>(fmt::format("disk_{}", radius));
    EXPECT_EQ(structuring_ball(std::stod(radius), false).shape, ball.shape) << radius;
    EXPECT_EQ(structuring_ball(std::stod(radius), false).values, ball.values) << radius;
    EXPECT_EQ(structuring_ball(std::stod(radius), true).values, disk.values) << radius;
  }
}

TEST(CascadeReference, BinaryOperators) {
  NNUNET_NEEDS_SHARED(kReference);
  const test::Npz npz(test::shared_dir() / kReference);
  PatchScratch scratch;
  const char* const names[] = {"dilation", "erosion", "closing", "opening"};
  for (const char* const radius : {"1", "1.7", "2.4", "3.0", "4.9"})
    for (const Morphology how : kAll) {
      const std::string name = fmt::format("binary_{}_{}", names[static_cast<int>(how)], radius);
      Array<std::uint8_t> mask = reference_mask();
      change_mask(mask.values, mask.spatial(), how, structuring_ball(std::stod(radius), false), scratch);
      EXPECT_EQ(mask.values, npz.load<std::uint8_t>(name).values) << name;
    }
}

Mask plain_dilation(const Mask& mask, const Shape3& size, const Array<std::uint8_t>& element) {
  const Shape3 n = element.spatial();
  Mask result(mask.size(), 0);
  std::size_t voxel = 0;
  for (std::int64_t z = 0; z < size[0]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[2]; ++x, ++voxel)
        for (std::size_t j = 0; j < element.values.size() && result[voxel] == 0; ++j) {
          if (element.values[j] == 0) continue;
          const auto point = static_cast<std::int64_t>(j);
          const std::int64_t fz = z + point / (n[1] * n[2]) - (n[0] - 1) / 2;
          const std::int64_t fy = y + point / n[2] % n[1] - (n[1] - 1) / 2, fx = x + point % n[2] - (n[2] - 1) / 2;
          if (fz < 0 || fz >= size[0] || fy < 0 || fy >= size[1] || fx < 0 || fx >= size[2]) continue;
          result[voxel] = mask[static_cast<std::size_t>((fz * size[1] + fy) * size[2] + fx)];
        }
  return result;
}

Mask plain_erosion(Mask mask, const Shape3& size, const Array<std::uint8_t>& element) {
  for (std::uint8_t& voxel : mask) voxel ^= 1;
  mask = plain_dilation(mask, size, element);
  for (std::uint8_t& voxel : mask) voxel ^= 1;
  return mask;
}

Mask plain(const Mask& mask, const Shape3& size, Morphology how, const Array<std::uint8_t>& element) {
  switch (how) {
    case Morphology::dilation:
      return plain_dilation(mask, size, element);
    case Morphology::erosion:
      return plain_erosion(mask, size, element);
    case Morphology::closing:
      return plain_erosion(plain_dilation(mask, size, element), size, element);
    case Morphology::opening:
      return plain_dilation(plain_erosion(mask, size, element), size, element);
  }
  return {};
}

Mask random_mask(const Shape3& size, unsigned percent, std::mt19937& random) {
  Mask mask(static_cast<std::size_t>(volume(size)));
  for (std::uint8_t& voxel : mask) voxel = random() % 100 < percent ? 1 : 0;
  return mask;
}

TEST(CascadeOperators, MorphologyBesideThePlainSum) {
  std::mt19937 random(3);
  PatchScratch scratch;
  for (const Shape3& size : {Shape3{1, 1, 1}, {1, 9, 63}, {1, 30, 64}, {1, 20, 130}, {3, 4, 65}, {13, 11, 20}})
    for (const double radius : {1.0, 1.3, 1.5, 2.0, 3.49, 5.5, 7.99})
      for (const unsigned percent : {0U, 3U, 50U, 97U, 100U}) {
        const Mask mask = random_mask(size, percent, random);
        const Array<std::uint8_t> element = structuring_ball(radius, size[0] == 1);
        const Morphology how = kAll[random() % 4];
        Mask changed = mask;
        change_mask(changed, size, how, element, scratch);
        ASSERT_EQ(changed, plain(mask, size, how, element))
            << shape_text(size) << ", radius " << radius << ", " << percent << " %, " << static_cast<int>(how);
      }
}

TEST(CascadeOperators, AnElementBesideItsCentre) {
  Array<std::uint8_t> element({1, 3, 7});
  element.values = {0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0};
  std::mt19937 random(4);
  PatchScratch scratch;
  const Shape3 size{2, 8, 70};
  for (const unsigned percent : {0U, 20U, 70U})
    for (const Morphology how : kAll) {
      const Mask mask = random_mask(size, percent, random);
      Mask changed = mask;
      change_mask(changed, size, how, element, scratch);
      EXPECT_EQ(changed, plain(mask, size, how, element)) << static_cast<int>(how);
    }
  Mask three(3, 1);
  EXPECT_THROW(change_mask(three, {1, 1, 3}, Morphology::dilation, Array<std::uint8_t>({1, 1, 33}, 1), scratch),
               std::logic_error);
}

TEST(CascadeOperators, WhatAChannelGainsTheOthersLose) {
  std::mt19937 random(6);
  PatchScratch scratch;
  for (const Shape3& size : {Shape3{1, 20, 70}, {8, 9, 30}})
    for (const Morphology how : kAll) {
      Array<std::uint8_t> channels({3, size[0], size[1], size[2]});
      for (std::uint8_t& voxel : channels.values) voxel = random() % 5 == 0 ? 1 : 0;
      const Array<std::uint8_t> before = channels;
      change_channel(channels, 1, how, 2.3, scratch);
      const Mask changed =
          plain({before.slab(1).begin(), before.slab(1).end()}, size, how, structuring_ball(2.3, size[0] == 1));
      for (std::size_t i = 0; i < changed.size(); ++i) {
        const bool gained = changed[i] == 1 && before.slab(1)[i] == 0;
        ASSERT_EQ(channels.slab(1)[i], changed[i]);
        for (const std::int64_t other : {0, 2}) ASSERT_EQ(channels.slab(other)[i], gained ? 0 : before.slab(other)[i]);
      }
    }
}

// Bars of 1, 2, .. voxels, each a component; drawn evenly among those below the bound.
TEST(CascadeOperators, RemovesOneSmallComponent) {
  const Shape3 size{1, 11, 20};
  Mask bars(220, 0);
  for (std::size_t bar = 0; bar < 6; ++bar)
    std::fill_n(bars.begin() + static_cast<std::ptrdiff_t>(40 * bar), bar + 1, 1);
  std::vector<std::int64_t> counts(4, 0);
  for (std::uint32_t i = 0; i < 20000; ++i) {
    Mask mask = bars;
    CounterRng rng(1, 2, i);
    remove_component(mask, size, 5, rng);
    const auto gone = std::ranges::count(bars, 1) - std::ranges::count(mask, 1);
    ++counts.at(static_cast<std::size_t>(gone - 1));
    for (std::size_t v = 0; v < mask.size(); ++v)
      ASSERT_EQ(mask[v], static_cast<std::size_t>(gone - 1) == v / 40 ? 0 : bars[v]);
  }
  test::expect_evenly_drawn(counts);
  Mask none = bars;
  CounterRng rng(1, 2, 3);
  remove_component(none, size, 1, rng);
  EXPECT_EQ(none, bars);
}

TEST(CascadeOperators, OrderCoinsOperatorsAndRadii) {
  const CascadeAugmentation how;
  std::vector<std::int64_t> sets(8, 0), orders(6, 0), operators(4, 0);
  test::Histogram radii(1, 8, 28);
  constexpr std::int64_t kDraws = 100000;
  std::int64_t patches = 0;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    CounterRng rng(1, 2, i, 4);
    const std::vector<MorphologyStep> steps = draw_morphology(how, 3, rng);
    std::size_t set = 0;
    for (const MorphologyStep& step : steps) {
      set |= std::size_t{1} << step.channel;
      ++operators[static_cast<std::size_t>(step.how)];
      radii.add(step.radius);
    }
    ++sets[set];
    patches += steps.empty() ? 0 : 1;
    if (steps.size() == 3)
      ++orders[static_cast<std::size_t>(2 * steps[0].channel + (steps[1].channel > steps[2].channel ? 1 : 0))];
  }
  std::vector<double> expected(8, 0.4 / 8);
  expected[0] = 0.6 + 0.4 / 8;
  test::expect_drawn_from(sets, expected);
  test::expect_coin(patches, kDraws, 0.4 * 7 / 8);
  test::expect_evenly_drawn(orders);
  test::expect_evenly_drawn(operators);
  test::expect_evenly_drawn(radii.counts());
}

TEST(CascadeOperators, EveryChannelOfTheStrongerTrainers) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    CounterRng rng(1, 2, i, 4);
    const std::size_t steps = draw_morphology(every_channel_cascade_augmentation(), 5, rng).size();
    EXPECT_TRUE(steps == 0 || steps == 5);
  }
}

// Two bars in each of two channels, 4 and 40 of 160 voxels: only the small one may go (15 %).
TEST(CascadeOperators, RemovalHasItsCoins) {
  CascadeAugmentation how;
  how.morphology_probability = 0;
  Array<std::uint8_t> bars({2, 1, 4, 40});
  for (std::int64_t c = 0; c < 2; ++c) {
    std::fill_n(bars.slab(c).begin(), 4, 1);
    std::fill_n(bars.slab(c).begin() + 80, 40, 1);
  }
  std::vector<std::int64_t> sets(4, 0);
  PatchScratch scratch;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    Array<std::uint8_t> channels = bars;
    CounterRng rng(1, 2, i, 4);
    augment_previous_stage(channels, how, rng, scratch);
    std::size_t set = 0;
    for (std::int64_t c = 0; c < 2; ++c) {
      ASSERT_EQ(std::ranges::count(channels.slab(c).subspan(80), 1), 40);
      set |= static_cast<std::size_t>(channels.slab(c)[0] == 0) << c;
    }
    ++sets[set];
  }
  test::expect_drawn_from(sets, {0.85, 0.05, 0.05, 0.05});
}

}  // namespace
}  // namespace nnunet
