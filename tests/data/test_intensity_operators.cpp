#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <numeric>

#include "chi_squared.h"
#include "nnunet/data/intensity_operators.h"
#include "training_patches.h"

// What is drawn, seen in what happens to patches whose answer tells the strength.
namespace nnunet {
namespace {

using namespace intensity;
using test::Histogram;
using test::patch_of;

constexpr std::int64_t kDraws = 100000;

/// seen(patch afterwards) for so many draws of one operator on the same patch.
void draw(const IntensityOperator& one, const TrainingPatch& patch, std::int64_t draws,
          const std::function<void(const TrainingPatch&)>& seen) {
  PatchScratch scratch;
  const IntensityList list{one};
  TrainingPatch changed = patch;
  for (std::int64_t i = 0; i < draws; ++i) {
    changed = patch;
    CounterRng rng(11, 3, static_cast<std::uint32_t>(i), 5);
    apply_intensities(list, changed, rng, scratch);
    seen(changed);
  }
}

double value(const TrainingPatch& patch, std::size_t i) {
  return static_cast<double>(patch.image.values[i]);
}

/// Half of the draws below 1, both halves even: where in [0, 1) a factor stands with that.
double place(double factor, const Range& range) {
  const auto low = static_cast<double>(range.low), high = static_cast<double>(range.high);
  return factor < 1 ? 0.5 * (factor - low) / (1 - low) : 0.5 + 0.5 * (factor - 1) / (high - 1);
}

TEST(IntensityOperators, FactorsAreAMixture) {
  const Range range{0.7F, 1.5F};
  Histogram factors(0, 1, 40);
  CounterRng rng(1, 2, 3);
  for (std::int64_t i = 0; i < kDraws; ++i) factors.add(place(static_cast<double>(draw_factor(range, rng)), range));
  test::expect_evenly_drawn(factors.counts());
}

TEST(IntensityOperators, CoinsOfPatchesAndChannels) {
  TrainingPatch patch{Array<float>({3, 1, 1, 1}, 1.0F), {}};
  std::vector<std::int64_t> changed(8, 0);  // by the set of channels
  draw(Brightness{{0.6F, 0.3F}, {0.75F, 1.25F}}, patch, kDraws, [&](const TrainingPatch& after) {
    std::size_t set = 0;
    for (std::size_t c = 0; c < 3; ++c) set |= static_cast<std::size_t>(after.image.values[c] != 1.0F) << c;
    ++changed[set];
  });
  std::vector<double> expected;
  for (unsigned set = 0; set < 8; ++set) {
    double p = 0.6;
    for (unsigned c = 0; c < 3; ++c) p *= (set >> c & 1) != 0 ? 0.3 : 0.7;
    expected.push_back(p + (set == 0 ? 0.4 : 0));
  }
  test::expect_drawn_from(changed, expected);
}

TEST(IntensityOperators, BrightnessAndContrast) {
  const Range range{0.75F, 1.25F};
  Histogram factors(0, 1, 40), contrasts(0, 1, 40), channels(0, 1, 40);
  TrainingPatch two{Array<float>({2, 1, 1, 1}, 1.0F), {}};
  draw(Brightness{{1}, range}, two, kDraws, [&](const TrainingPatch& after) {
    const double a = place(value(after, 0), range), b = place(value(after, 1), range);
    factors.add(a);
    channels.add(a - b < 0 ? a - b + 1 : a - b);  // even as well, if the channels are independent
  });
  draw(Contrast{{1}, range, false}, patch_of({-1, 1}, {1, 1, 2}), kDraws,
       [&](const TrainingPatch& after) { contrasts.add(place(value(after, 1), range)); });
  test::expect_evenly_drawn(factors.counts());
  test::expect_evenly_drawn(channels.counts());
  test::expect_evenly_drawn(contrasts.counts());
}

double normal_below(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

TEST(IntensityOperators, AdditiveBrightnessIsNormal) {
  Histogram shares(0, 1, 40);
  draw(AdditiveBrightness{{1}, 0.5F}, patch_of({0}, {1, 1, 1}), kDraws,
       [&](const TrainingPatch& after) { shares.add(normal_below(value(after, 0) / 0.5)); });
  test::expect_evenly_drawn(shares.counts());
}

// The standard deviation is seen in the spread of many voxels, so the bins are as wide as what that leaves open, and
// the expected counts are of the estimate: s times the root of a chi squared, here by its normal approximation.
TEST(IntensityOperators, DeviationOfTheNoise) {
  constexpr std::int64_t kVoxels = 2048, kRuns = 10000;
  std::vector<std::int64_t> counts(10, 0);
  TrainingPatch patch{Array<float>({2, 1, 1, kVoxels / 2}), {}};
  draw(Noise{1, {0, 0.1F}}, patch, kRuns, [&](const TrainingPatch& after) {
    double squares = 0;
    for (std::size_t i = 0; i < kVoxels; ++i) squares += value(after, i) * value(after, i);
    const double std = std::sqrt(squares / kVoxels);
    ++counts[std::min<std::size_t>(static_cast<std::size_t>(std / 0.01), 9)];
  });
  std::vector<double> expected(10, 0);
  constexpr int kSteps = 20000;
  const double spread = 1 / std::sqrt(2.0 * kVoxels);
  for (int i = 0; i < kSteps; ++i) {
    const double std = 0.1 * (i + 0.5) / kSteps;
    double below = 0;
    for (std::size_t bin = 0; bin < 10; ++bin) {
      const double all = bin == 9 ? 1 : normal_below((0.01 * static_cast<double>(bin + 1) / std - 1) / spread);
      expected[bin] += (all - below) / kSteps;
      below = all;
    }
  }
  test::expect_drawn_from(counts, expected);
}

TEST(IntensityOperators, NoiseHasOneDeviationForAllChannels) {
  TrainingPatch patch{Array<float>({2, 1, 1, 4096}), {}};
  draw(Noise{1, {0.05F, 1}}, patch, 50, [&](const TrainingPatch& after) {
    double squares[2] = {0, 0};
    for (std::size_t i = 0; i < 8192; ++i) squares[i / 4096] += value(after, i) * value(after, i);
    EXPECT_NEAR(squares[0] / squares[1], 1, 0.2);
  });
}

TEST(IntensityOperators, GammaExponents) {
  const Range range{0.7F, 1.5F};
  for (const bool inverted : {false, true}) {
    Histogram exponents(0, 1, 40);
    draw(Gamma{{1}, range, inverted}, patch_of({0, 0.5F, 1}, {1, 1, 3}), kDraws, [&](const TrainingPatch& after) {
      const double low = value(after, inverted ? 2 : 0), high = value(after, inverted ? 0 : 2);
      exponents.add(place(-std::log2((value(after, 1) - low) / (high - low)), range));
    });
    test::expect_evenly_drawn(exponents.counts());
  }
}

TEST(IntensityOperators, SigmasOfEachAxis) {
  const Shape3 size{9, 9, 9};
  std::vector<float> impulse(729, 0.0F);
  const std::size_t centre = 364, steps[3] = {81, 9, 1};
  impulse[centre] = 1;
  const Range range{0.5F, 1.5F};
  for (const bool same : {false, true}) {
    Histogram first(0, 1, 20), last(0, 1, 20), apart(0, 1, 20);
    draw(Blur{{1}, range, same}, patch_of(impulse, size), 20000, [&](const TrainingPatch& after) {
      double sigma[3];
      for (std::size_t a = 0; a < 3; ++a)
        sigma[a] = std::sqrt(-0.5 / std::log(value(after, centre + steps[a]) / value(after, centre))) - 0.5;
      first.add(sigma[0]);
      last.add(sigma[2]);
      if (same) {
        EXPECT_NEAR(sigma[0], sigma[1], 1e-4);
        EXPECT_NEAR(sigma[0], sigma[2], 1e-4);
      } else {
        apart.add(sigma[1] - sigma[0] < 0 ? sigma[1] - sigma[0] + 1 : sigma[1] - sigma[0]);
      }
    });
    test::expect_evenly_drawn(first.counts());
    test::expect_evenly_drawn(last.counts());
    if (!same) test::expect_evenly_drawn(apart.counts());
  }
}

TEST(IntensityOperators, FactorsOfLowResolution) {
  constexpr std::int64_t kSize = 33;
  std::vector<float> ramp(kSize);
  for (std::size_t i = 0; i < kSize; ++i) ramp[i] = static_cast<float>(i * i);
  const TrainingPatch patch = patch_of(ramp, {1, 1, kSize});
  PatchScratch scratch;
  std::map<std::vector<float>, std::size_t> sizes;  // what comes out, and of how many coarse voxels
  for (std::size_t coarse = 16; coarse <= kSize; ++coarse) {
    TrainingPatch low = patch;
    lower_resolution(low, 0, {1, 1, static_cast<float>(coarse) / static_cast<float>(kSize)}, scratch);
    sizes[low.image.values] = coarse - 16;
  }
  ASSERT_EQ(sizes.size(), 18U);
  std::vector<std::int64_t> counts(18, 0);
  draw(LowResolution{{1}, {0.5F, 1}}, patch, kDraws,
       [&](const TrainingPatch& after) { ++counts[sizes.at(after.image.values)]; });
  std::vector<double> expected(18, 1 / 16.5);  // 16.5 to 33, rounded: 16 has no width, 33 half a one
  expected.back() = 0.5 / 16.5;
  EXPECT_EQ(counts.front(), 0);  // 16.5 is even below, but a factor of exactly 0.5 is rare
  counts.erase(counts.begin());
  expected.erase(expected.begin());
  test::expect_drawn_from(counts, expected);
}

TEST(IntensityOperators, LowResolutionMayKeepTheDepth) {
  const TrainingPatch patch = test::formula_patch(1, {8, 1, 1});
  draw(LowResolution{{1}, {0.5F, 0.6F}, true}, patch, 20,
       [&](const TrainingPatch& after) { EXPECT_EQ(after.image.values, patch.image.values); });
  draw(LowResolution{{1}, {0.5F, 0.6F}, false}, patch, 20,
       [&](const TrainingPatch& after) { EXPECT_NE(after.image.values, patch.image.values); });
}

TEST(IntensityOperators, WindowsOfTheMedian) {
  const TrainingPatch patch = test::formula_patch(1, {1, 1, 20});
  PatchScratch scratch;
  std::map<std::vector<float>, std::size_t> sizes;
  for (int side = 2; side <= 7; ++side) {
    TrainingPatch filtered = patch;
    filter_median(filtered, 0, side, scratch);
    sizes[filtered.image.values] = static_cast<std::size_t>(side - 2);
  }
  ASSERT_EQ(sizes.size(), 6U);
  std::vector<std::int64_t> counts(6, 0);
  draw(MedianFilter{{1}, 2, 7}, patch, 20000,
       [&](const TrainingPatch& after) { ++counts[sizes.at(after.image.values)]; });
  test::expect_evenly_drawn(counts);
}

// Axes of 60 voxels: edges 6 to 19, places 0 to 60 - edge.
TEST(IntensityOperators, SizesAndPlacesOfBlankBoxes) {
  std::vector<float> values(60 * 60);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * i % 3607);
  const TrainingPatch patch = patch_of(values, {1, 60, 60});
  std::vector<std::int64_t> edges(14, 0), across(14, 0);
  Histogram starts(0, 1, 20);
  CounterRng jitter(5, 6, 7);  // makes the place in [0, 60 - edge] an even number in [0, 1)
  draw(BlankBoxes{{1}, 1, 1}, patch, 20000, [&](const TrainingPatch& after) {
    std::int64_t low[2] = {60, 60}, high[2] = {-1, -1};
    for (std::int64_t i = 0; i < 3600; ++i) {
      if (after.image.values[static_cast<std::size_t>(i)] == values[static_cast<std::size_t>(i)]) continue;
      low[0] = std::min(low[0], i / 60);
      high[0] = std::max(high[0], i / 60);
      low[1] = std::min(low[1], i % 60);
      high[1] = std::max(high[1], i % 60);
    }
    const std::int64_t edge = high[0] - low[0] + 1;
    ++edges.at(static_cast<std::size_t>(edge - 6));
    ++across.at(static_cast<std::size_t>(high[1] - low[1] + 1 - 6));
    starts.add((static_cast<double>(low[0]) + static_cast<double>(jitter.uniform())) / static_cast<double>(61 - edge));
  });
  test::expect_evenly_drawn(edges);
  test::expect_evenly_drawn(across);
  test::expect_evenly_drawn(starts.counts());
}

// On axes of 9 voxels edges are 1 or 2, so boxes seldom overlap and the number of changed voxels tells that of boxes.
TEST(IntensityOperators, NumberOfBlankBoxes) {
  constexpr std::int64_t kEdge = 9;
  const TrainingPatch patch = test::formula_patch(1, {kEdge, kEdge, kEdge});
  double blanked = 0;
  constexpr std::int64_t kRuns = 20000;
  draw(BlankBoxes{{1}, 1, 4}, patch, kRuns, [&](const TrainingPatch& after) {
    for (std::size_t i = 0; i < patch.image.values.size(); ++i)
      blanked += after.image.values[i] != patch.image.values[i] ? 1.0 / kRuns : 0;
  });
  // A box of one voxel has that voxel's value and changes nothing, so edges of 1, 1, 1 are left out.
  double expected = 0;
  const auto covered = [](std::int64_t i, std::int64_t edge) {
    const std::int64_t places = kEdge - edge + 1, first = std::max<std::int64_t>(i - edge + 1, 0);
    return static_cast<double>(std::min(i, places - 1) - first + 1) / static_cast<double>(places);
  };
  for (std::int64_t z = 0; z < kEdge; ++z)
    for (std::int64_t y = 0; y < kEdge; ++y)
      for (std::int64_t x = 0; x < kEdge; ++x) {
        double one = 0;
        for (unsigned edges = 1; edges < 8; ++edges)
          one += 0.125 * covered(z, 1 + (edges & 1)) * covered(y, 1 + (edges >> 1 & 1)) * covered(x, 1 + (edges >> 2));
        for (int boxes = 1; boxes <= 4; ++boxes) expected += 0.25 * (1 - std::pow(1 - one, boxes));
      }
  EXPECT_NEAR(blanked, expected, 0.02 * expected);
}

TEST(IntensityOperators, StrengthsOfGradients) {
  const TrainingPatch patch = patch_of(std::vector<float>(13, 0.0F), {1, 1, 13});
  Histogram strengths(1, 5, 20);
  std::int64_t negative = 0;
  std::vector<std::int64_t> peaks(13, 0);
  draw(BrightnessGradient{{1}, {1, 5}}, patch, kDraws, [&](const TrainingPatch& after) {
    const auto largest = std::ranges::max_element(after.image.values, {}, [](float v) { return std::abs(v); });
    negative += *largest < 0 ? 1 : 0;
    strengths.add(static_cast<double>(std::abs(*largest)));
    ++peaks[static_cast<std::size_t>(largest - after.image.values.begin())];
  });
  test::expect_evenly_drawn(strengths.counts());
  test::expect_coin(negative, kDraws, 0.5);
  // The centre is even over twice the axis, from half an axis before its first voxel's centre.
  std::vector<double> expected(13, 1.0 / 26);
  expected.front() = (6.5 + 0.5) / 26;
  expected.back() = (19.5 - 11.5) / 26;
  test::expect_drawn_from(peaks, expected);
}

// The weight at the peak is 1 and the voxel there has the power of its value alone.
TEST(IntensityOperators, ExponentsOfLocalGamma) {
  const TrainingPatch patch = patch_of({0, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 1}, {1, 1, 9});
  const Range weaker{0.2F, 0.8F}, stronger{1.5F, 4};
  Histogram exponents(0, 1, 20);
  std::int64_t inside = 0;
  draw(LocalGamma{{1}, weaker, stronger}, patch, kDraws, [&](const TrainingPatch& after) {
    const auto first = after.image.values.begin() + 1, last = after.image.values.end() - 1;
    const auto peak =
        std::max_element(first, last, [](float a, float b) { return std::abs(a - 0.5F) < std::abs(b - 0.5F); });
    if (peak == first || peak == last - 1) return;  // the bump's peak may be beyond
    ++inside;
    const double g = -std::log2(static_cast<double>(*peak));
    exponents.add(g < 1 ? 0.5 * (g - 0.2) / 0.6 : 0.5 + 0.5 * (g - 1.5) / 2.5);
  });
  EXPECT_GT(inside, kDraws / 6);
  test::expect_evenly_drawn(exponents.counts());
}

TEST(IntensityOperators, StrengthsOfSharpening) {
  Histogram strengths(0.1, 1, 20);
  draw(Sharpening{{1}, {0.1F, 1}}, patch_of({0, 1, 0}, {1, 1, 3}), kDraws,
       [&](const TrainingPatch& after) { strengths.add((value(after, 1) - 1) / 2); });
  test::expect_evenly_drawn(strengths.counts());
}

TEST(IntensityOperators, OneOfThrowsOneCoin) {
  std::vector<std::int64_t> counts(3, 0);
  const OneOf either{{AdditiveBrightness{{0.2F}, 0.5F}, Brightness{{0.4F}, {0.5F, 0.9F}}}};
  draw(either, patch_of({100, 100, 100}, {1, 1, 3}), kDraws, [&](const TrainingPatch& after) {
    const double v = value(after, 0);
    ++counts[v == 100 ? 0 : std::abs(v - 100) < 5 ? 1 : 2];
  });
  // Factors between 0.95 and 1 look like shifts: a tenth of [0.5, 1), half of [0.9, 1).
  const double close = 0.2 * 0.5 * 0.1 + 0.2 * 0.5 * 0.5;
  test::expect_drawn_from(counts, {0.7, 0.1 + close, 0.2 - close});
}

TEST(IntensityLists, Default) {
  const IntensityList list = v2_default_intensities(true);
  const IntensityList expected{Noise{0.1F, {0, 0.1F}},
                               Blur{{0.2F, 0.5F}, {0.5F, 1}, false},
                               Brightness{{0.15F, 1}, {0.75F, 1.25F}},
                               Contrast{{0.15F, 1}, {0.75F, 1.25F}, true},
                               LowResolution{{0.25F, 0.5F}, {0.5F, 1}, true},
                               Gamma{{0.1F, 1}, {0.7F, 1.5F}, true},
                               Gamma{{0.3F, 1}, {0.7F, 1.5F}, false}};
  EXPECT_EQ(list, expected);
  EXPECT_NE(v2_default_intensities(false), expected);
}

TEST(IntensityLists, TinyAndFlatPatchesGoThroughAll) {
  PatchScratch scratch;
  for (const bool da5 : {false, true})
    for (const Shape3& size : {Shape3{1, 1, 1}, {1, 1, 2}, {1, 5, 4}, {3, 1, 2}, {2, 7, 6}, {1, 40, 50}, {20, 9, 30}})
      for (std::uint32_t sample = 0; sample < 60; ++sample) {
        TrainingPatch patch = test::formula_patch(2, size);
        CounterRng rng(1, 2, sample, 3);
        apply_intensities(da5 ? da5_intensities(false) : v2_default_intensities(false), patch, rng, scratch);
        ASSERT_EQ(patch.image.spatial(), size);
        ASSERT_TRUE(std::ranges::all_of(patch.image.values, [](float v) { return std::isfinite(v); }));
      }
}

TEST(IntensityLists, TheSameNumbersGiveTheSamePatch) {
  PatchScratch scratch, fresh;
  for (std::uint32_t sample = 0; sample < 40; ++sample) {
    TrainingPatch one = test::formula_patch(2, {9, 10, 33}), other = one;
    CounterRng rng(4, 2, sample, 3), again(4, 2, sample, 3);
    apply_intensities(da5_intensities(false), one, rng, scratch);
    fresh = {};
    apply_intensities(da5_intensities(false), other, again, fresh);
    ASSERT_EQ(one.image.values, other.image.values) << sample;
  }
}

}  // namespace
}  // namespace nnunet
