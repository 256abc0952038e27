#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/random.h"
#include "nnunet/eval/distance_transform.h"
#include "nnunet/eval/score.h"

namespace nnunet {
namespace {

using Labels = Array<std::uint8_t>;

std::uint8_t& at(Labels& map, std::int64_t z, std::int64_t y, std::int64_t x) {
  return map.values[static_cast<std::size_t>((z * map.shape[1] + y) * map.shape[2] + x)];
}

void fill(Labels& map, Shape3 low, Shape3 high, std::uint8_t value) {
  for (std::int64_t z = low[0]; z < high[0]; ++z)
    for (std::int64_t y = low[1]; y < high[1]; ++y)
      for (std::int64_t x = low[2]; x < high[2]; ++x) at(map, z, y, x) = value;
}

TEST(Score, ShiftedBoxByHand) {
  Labels label({8, 8, 8}), prediction({8, 8, 8});
  fill(label, {2, 2, 2}, {4, 4, 4}, 1);
  fill(prediction, {3, 2, 2}, {5, 4, 4}, 1);  // one slice of 3 mm further
  const auto score = score_case(prediction, label, {3, 1, 0.5}, 2).at(0);
  EXPECT_DOUBLE_EQ(score.dice, 0.5);
  EXPECT_DOUBLE_EQ(score.precision.value(), 0.5);
  EXPECT_DOUBLE_EQ(score.recall.value(), 0.5);
  EXPECT_DOUBLE_EQ(score.volume_label, 8 * 1.5 / 1000);
  EXPECT_DOUBLE_EQ(score.volume_pred, 8 * 1.5 / 1000);
  // Distances: four voxels at 0, four at 3 mm; position 0.95 * 7 = 6.65 lies among the latter.
  EXPECT_DOUBLE_EQ(score.hd95.value(), 3);
}

TEST(Score, PercentileIsLinearBetweenRanks) {
  Labels label({1, 1, 12}), prediction({1, 1, 12});
  at(label, 0, 0, 0) = 1;
  at(prediction, 0, 0, 0) = at(prediction, 0, 0, 10) = 1;
  // Distances to the label: 0 and 10 voxels of 2 mm; the 95th percentile of {0, 20} is 19.
  EXPECT_NEAR(score_case(prediction, label, {1, 1, 2}, 2)[0].hd95.value(), 19, 1e-12);
}

TEST(Score, OneVoxelEach) {
  Labels label({4, 5, 6}), prediction({4, 5, 6});
  at(label, 0, 0, 0) = 1;
  at(prediction, 3, 4, 5) = 1;
  const auto score = score_case(prediction, label, {2, 1, 0.8}, 2)[0];
  EXPECT_DOUBLE_EQ(score.dice, 0);
  EXPECT_NEAR(score.hd95.value(), std::sqrt(36. + 16. + 16.), 1e-6);
  EXPECT_DOUBLE_EQ(score.precision.value(), 0);
}

TEST(Score, AbsentClasses) {
  Labels label({3, 3, 3}), prediction({3, 3, 3});
  at(label, 1, 1, 1) = 1;
  at(prediction, 1, 1, 1) = 2;
  const auto scores = score_case(prediction, label, {1, 1, 1}, 4);
  ASSERT_EQ(scores.size(), 3U);
  EXPECT_DOUBLE_EQ(scores[0].dice, 0);  // in the label only
  EXPECT_FALSE(scores[0].hd95 || scores[0].precision);
  EXPECT_DOUBLE_EQ(scores[0].recall.value(), 0);
  EXPECT_DOUBLE_EQ(scores[1].dice, 0);  // in the prediction only
  EXPECT_FALSE(scores[1].hd95 || scores[1].recall);
  EXPECT_DOUBLE_EQ(scores[1].precision.value(), 0);
  EXPECT_DOUBLE_EQ(scores[2].dice, 1);  // in neither
  EXPECT_FALSE(scores[2].hd95 || scores[2].precision || scores[2].recall);
}

TEST(Score, EqualMapsArePerfect) {
  Labels label({5, 6, 7});
  fill(label, {0, 0, 0}, {5, 6, 4}, 1);  // touches the border
  fill(label, {1, 1, 4}, {3, 3, 7}, 2);
  for (const auto& score : score_case(label, label, {1, 2, 3}, 3)) {
    EXPECT_DOUBLE_EQ(score.dice, 1);
    EXPECT_DOUBLE_EQ(score.hd95.value(), 0);
  }
}

TEST(Score, SingleSliceHasOutlinesOnly) {
  // A 9x9 square and the same with its centre missing: as outlines, the hole's 4 face neighbours are new surface.
  Labels label({1, 9, 9}, 1), prediction({1, 9, 9}, 1);
  at(prediction, 0, 4, 4) = 0;
  const auto score = score_case(prediction, label, {1, 1, 1}, 2)[0];
  // 32 outline voxels at 0 and 4 at 3: position 0.95 * 35 = 33.25 is 3. Were all 81 voxels surface, it would be 0.
  EXPECT_DOUBLE_EQ(score.hd95.value(), 3);
}

TEST(Score, RefusesWhatDoesNotFit) {
  const Labels map({2, 2, 2}, 2);
  EXPECT_THROW(score_case(Labels({2, 2, 3}), map, {1, 1, 1}, 3), Error);
  EXPECT_THROW(score_case(Labels({8}), Labels({8}), {1, 1, 1}, 3), Error);
  EXPECT_THROW(score_case(map, map, {1, 1, 1}, 2), Error);
  EXPECT_THROW(score_case(map, map, {1, 0, 1}, 3), Error);
  EXPECT_THROW(score_case(map, map, {1, std::nan(""), 1}, 3), Error);
}

/// Smooth random blobs: noise averaged over a neighbourhood, thresholded into classes 0, 1, 2.
Labels blobs(const std::vector<std::int64_t>& shape, std::uint32_t seed, std::int64_t shift) {
  CounterRng rng(seed, 0, 0);
  Array<float> noise(shape);
  for (float& v : noise.values) v = rng.normal();
  Labels map(shape);
  for (std::int64_t z = 0; z < shape[0]; ++z)
    for (std::int64_t y = 0; y < shape[1]; ++y)
      for (std::int64_t x = 0; x < shape[2]; ++x) {
        float sum = 0;
        for (std::int64_t k = 0; k < 27; ++k) {
          const std::int64_t i = (z + k / 9) % shape[0], j = (y + k / 3 % 3) % shape[1],
                             l = (x + k % 3 + shift) % shape[2];
          sum += noise.values[static_cast<std::size_t>((i * shape[1] + j) * shape[2] + l)];
        }
        at(map, z, y, x) = sum > 6 ? 2 : sum > 2 ? 1 : 0;
      }
  return map;
}

using Point = std::array<double, 3>;

std::vector<Point> surface_points(Labels& map, std::uint8_t value, const Spacing3& spacing) {
  std::vector<Point> points;
  const auto outside = [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    return z < 0 || y < 0 || x < 0 || z >= map.shape[0] || y >= map.shape[1] || x >= map.shape[2] ||
           at(map, z, y, x) != value;
  };
  for (std::int64_t z = 0; z < map.shape[0]; ++z)
    for (std::int64_t y = 0; y < map.shape[1]; ++y)
      for (std::int64_t x = 0; x < map.shape[2]; ++x)
        if (!outside(z, y, x) && (outside(z - 1, y, x) || outside(z + 1, y, x) || outside(z, y - 1, x) ||
                                  outside(z, y + 1, x) || outside(z, y, x - 1) || outside(z, y, x + 1)))
          points.push_back({static_cast<double>(z) * spacing[0], static_cast<double>(y) * spacing[1],
                            static_cast<double>(x) * spacing[2]});
  return points;
}

double brute_force_directed(const std::vector<Point>& from, const std::vector<Point>& to) {
  std::vector<double> distances;
  for (const Point& a : from) {
    double best = std::numeric_limits<double>::infinity();
    for (const Point& b : to) best = std::min(best, std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
    distances.push_back(best);
  }
  std::sort(distances.begin(), distances.end());
  const double position = 0.95 * static_cast<double>(distances.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const auto high = std::min(low + 1, distances.size() - 1);
  return distances[low] + (position - static_cast<double>(low)) * (distances[high] - distances[low]);
}

TEST(Score, HausdorffEqualsBruteForceOnRandomBlobs) {
  const Spacing3 spacings[] = {{1, 1, 1}, {3.6, 0.62, 0.62}, {0.5, 2.25, 1.75}};
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    const Spacing3& spacing = spacings[seed % 3];
    Labels label = blobs({11, 17, 21}, seed, 0), prediction = blobs({11, 17, 21}, seed, 2);
    const auto scores = score_case(prediction, label, spacing, 3);
    for (std::uint8_t c = 1; c <= 2; ++c) {
      const auto p = surface_points(prediction, c, spacing), l = surface_points(label, c, spacing);
      ASSERT_GT(std::min(p.size(), l.size()), 20U);
      EXPECT_NEAR(scores[c - 1U].hd95.value(), std::max(brute_force_directed(p, l), brute_force_directed(l, p)), 1e-5);
    }
  }
}

TEST(DistanceTransform, EqualsBruteForce) {
  const Shape3 shape{7, 9, 19};  // wider than one tile of lines
  const Spacing3 spacing{2.5, 0.7, 1.1};
  CounterRng rng(3, 0, 0);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(volume(shape)));
  for (auto& m : mask) m = rng.coin(0.01F) ? 1 : 0;
  const auto squares = squared_distance(mask, shape, spacing);
  const auto place = [&](std::int64_t i) {
    return Point{static_cast<double>(i / (shape[1] * shape[2])) * spacing[0],
                 static_cast<double>(i / shape[2] % shape[1]) * spacing[1],
                 static_cast<double>(i % shape[2]) * spacing[2]};
  };
  for (std::int64_t i = 0; i < volume(shape); ++i) {
    double best = std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < volume(shape); ++j) {
      if (mask[static_cast<std::size_t>(j)] == 0) continue;
      const Point a = place(i), b = place(j);
      best = std::min(best, std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
    }
    ASSERT_NEAR(std::sqrt(squares[static_cast<std::size_t>(i)]), best, 1e-5) << i;
  }
}

TEST(DistanceTransform, EmptyMaskIsInfinitelyFar) {
  for (const float v : squared_distance(std::vector<std::uint8_t>(24, 0), {2, 3, 4}, {1, 1, 1}))
    EXPECT_TRUE(std::isinf(v));
  EXPECT_THROW(squared_distance(std::vector<std::uint8_t>(23, 0), {2, 3, 4}, {1, 1, 1}), std::invalid_argument);
}

}  // namespace
}  // namespace nnunet
