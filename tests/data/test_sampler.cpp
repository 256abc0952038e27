#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/data/sampler.h"

namespace nnunet {
namespace {

TEST(EpochOrder, ShufflesEveryEpochAnew) {
  const auto order = epoch_order(50, 1, 0);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> all(50);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
  EXPECT_NE(order, all);
  EXPECT_EQ(order, epoch_order(50, 1, 0));
  EXPECT_NE(order, epoch_order(50, 1, 1));
  EXPECT_NE(order, epoch_order(50, 2, 0));
  EXPECT_EQ(epoch_order(1, 1, 0), std::vector<std::int64_t>{0});
}

TEST(EpochOrder, EveryPlaceIsEquallyLikely) {
  std::array<int, 5> first{};
  for (std::uint32_t epoch = 0; epoch < 10000; ++epoch) ++first[static_cast<std::size_t>(epoch_order(5, 3, epoch)[0])];
  for (const int count : first) EXPECT_NEAR(count, 2000, 200);
}

TEST(ForegroundIndex, FindsEveryVoxelByRank) {
  const Shape3 size = {4, 5, 300};  // rows longer than a byte counts
  std::vector<std::uint8_t> label(static_cast<std::size_t>(volume(size)));
  std::vector<Shape3> expected;
  for (std::int64_t i = 0; i < volume(size); ++i) {
    const std::int64_t z = i / 1500, y = i / 300 % 5, x = i % 300;
    const bool set = z == 3 ? true : z != 1 && i % 7 == 3;  // plane 1 is empty, plane 3 full
    label[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(set ? 1 + i % 200 : 0);
    if (set) expected.push_back({z, y, x});
  }
  const ForegroundIndex index(label, size);
  ASSERT_EQ(index.count(), static_cast<std::int64_t>(expected.size()));
  for (std::size_t rank = 0; rank < expected.size(); ++rank) {
    ASSERT_EQ(index.voxel(static_cast<std::int64_t>(rank)), expected[rank]) << rank;
  }
}

TEST(DrawCentre, ForegroundWithTheAskedProbability) {
  const Shape3 size = {8, 10, 12};
  std::vector<std::uint8_t> label(static_cast<std::size_t>(volume(size)), 0);
  const std::set<std::size_t> foreground = {5, 100, 101, 700};
  for (const auto i : foreground) label[i] = 2;
  const ForegroundIndex index(label, size);
  for (const double oversampling : {0.0, 0.4, 1.0}) {
    std::array<int, 4> each{};
    int hits = 0;
    const int draws = 8000;
    for (std::uint32_t sample = 0; sample < draws; ++sample) {
      CounterRng rng(1, 0, sample, 1);
      const Shape3 v = draw_centre(index, size, oversampling, rng);
      const auto found = foreground.find(static_cast<std::size_t>((v[0] * 10 + v[1]) * 12 + v[2]));
      if (found == foreground.end()) continue;
      ++hits;
      ++each[static_cast<std::size_t>(std::distance(foreground.begin(), found))];
    }
    const double by_chance = 4.0 / 960;
    EXPECT_NEAR(hits, draws * (oversampling + (1 - oversampling) * by_chance), 5 * 45);
    if (oversampling > 0) {
      for (const int count : each) EXPECT_NEAR(count, hits / 4.0, 5 * 40);
    }
  }
}

TEST(DrawCentre, AnyVoxelWithoutForeground) {
  const Shape3 size = {2, 3, 4};
  const std::vector<std::uint8_t> label(24, 0);
  const ForegroundIndex index(label, size);
  EXPECT_EQ(index.count(), 0);
  std::array<int, 24> seen{};
  for (std::uint32_t sample = 0; sample < 4800; ++sample) {
    CounterRng rng(1, 0, sample, 1);
    const Shape3 v = draw_centre(index, size, 1.0, rng);
    ++seen.at(static_cast<std::size_t>((v[0] * 3 + v[1]) * 4 + v[2]));
  }
  for (const int count : seen) EXPECT_NEAR(count, 200, 75);
}

TEST(CropStart, CentredWithinTheVolume) {
  const Shape3 patch = {4, 5, 6}, size = {10, 11, 12};
  EXPECT_EQ(crop_start({5, 5, 5}, patch, size), (Shape3{3, 3, 2}));
  EXPECT_EQ(crop_start({0, 1, 2}, patch, size), (Shape3{0, 0, 0}));
  EXPECT_EQ(crop_start({9, 10, 11}, patch, size), (Shape3{6, 6, 6}));
  EXPECT_EQ(crop_start({2, 2, 2}, {4, 5, 9}, {4, 2, 4}), (Shape3{0, -1, -2}));  // zeros: 0, 1 + 2, 2 + 3
}

TEST(CentreStart, HalfDown) {
  EXPECT_EQ(centre_start({4, 5, 6}, {9, 5, 3}), (Shape3{2, 0, -1}));
}

TEST(Samplers, EpochsAreEachCaseOnce) {
  const auto sampler = sample_epochs({8, 3, 5, 4, 7}, {.seed = 3});
  EXPECT_EQ(sampler->steps(2), 3);
  EXPECT_EQ(sample_epochs({8, 3, 5, 4, 7}, {.limit_steps = 2})->steps(2), 2);
  const auto first = sampler->order(0);
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, (std::vector<std::int64_t>{3, 4, 5, 7, 8}));
  EXPECT_NE(sampler->order(1), first);
}

TEST(Samplers, BadOnesAreRefused) {
  EXPECT_THROW(sample_epochs({0}, {.oversampling = -0.1}), Error);
}

}  // namespace
}  // namespace nnunet
