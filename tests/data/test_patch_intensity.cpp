#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "chi_squared.h"
#include "data/moments.h"
#include "nnunet/data/patch_intensity.h"
#include "nnunet/data/power.h"
#include "reference/npz.h"
#include "reference/shared.h"
#include "training_patches.h"

// Fixed strengths: nnU-Net's own numbers, and each fast operator beside its plain version in double precision.
namespace nnunet {
namespace {

using test::formula_patch;
using Volume = std::vector<double>;

constexpr const char* kReference = "reference-v2/run/augmentation.npz";
const Shape3 kPatch{14, 18, 16};
const std::vector<Shape3> kSizes{{1, 1, 1}, {1, 1, 2},  {1, 1, 37},  {1, 9, 1},   {1, 20, 33}, {2, 2, 2},
                                 {2, 3, 5}, {7, 1, 40}, {5, 6, 130}, {11, 13, 8}, {16, 9, 17}, {40, 3, 2}};

double largest_difference(std::span<const float> a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

double largest_difference(const TrainingPatch& patch, const Volume& expected) {
  EXPECT_EQ(patch.image.values.size(), expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(patch.image.values[i]) - expected[i]));
  return largest;
}

Volume in_double(const TrainingPatch& patch) {
  return {patch.image.values.begin(), patch.image.values.end()};
}

double at(const Volume& x, const Shape3& size, std::int64_t d, std::int64_t h, std::int64_t w) {
  return x[static_cast<std::size_t>((d * size[1] + h) * size[2] + w)];
}

/// value(d, h, w) for every voxel.
template <class Value>
Volume made(const Shape3& size, const Value& value) {
  Volume result;
  for (std::int64_t d = 0; d < size[0]; ++d)
    for (std::int64_t h = 0; h < size[1]; ++h)
      for (std::int64_t w = 0; w < size[2]; ++w) result.push_back(value(d, h, w));
  return result;
}

/// The two channels of the formula input after change(patch, channel), beside an array of the reference.
void expect_reference(const std::string& name, const std::function<void(TrainingPatch&, std::int64_t)>& change) {
  const test::Npz npz(test::shared_dir() / kReference);
  const Array<float> expected = npz.load<float>(name);
  TrainingPatch patch = formula_patch(expected.shape[0], kPatch);
  for (std::int64_t c = 0; c < expected.shape[0]; ++c) change(patch, c);
  EXPECT_LT(largest_difference(patch.image.values, expected.values), 1e-5) << name;
}

TEST(PatchIntensityReference, LowResolution) {
  NNUNET_NEEDS_SHARED(kReference);
  PatchScratch scratch;
  for (const char* const factor : {"0.5", "0.62", "0.87"})
    expect_reference(fmt::format("lowres_{}", factor), [&](TrainingPatch& patch, std::int64_t c) {
      const float f = std::stof(factor);
      lower_resolution(patch, c, {f, f, f}, scratch);
    });
  expect_reference("lowres_0.55_ignore_axis0", [&](TrainingPatch& patch, std::int64_t c) {
    if (c == 1) lower_resolution(patch, c, {1, 0.55F, 0.55F}, scratch);  // the first channel is as it was
  });
}

TEST(PatchIntensityReference, Gamma) {
  NNUNET_NEEDS_SHARED(kReference);
  for (const char* const gamma : {"0.7", "0.85", "1.3", "1.5"})
    for (const bool inverted : {false, true})
      for (const bool keep : {false, true})
        expect_reference(
            fmt::format("gamma_{}_invert{:d}_retain{:d}", gamma, inverted, keep),
            [&](TrainingPatch& patch, std::int64_t c) { change_gamma(patch, c, std::stof(gamma), inverted, keep); });
}

TEST(PatchIntensityReference, Contrast) {
  NNUNET_NEEDS_SHARED(kReference);
  for (const char* const factor : {"0.75", "0.9", "1.25"})
    for (const bool keep : {false, true})
      expect_reference(fmt::format("contrast_{}_preserve{:d}", factor, keep),
                       [&](TrainingPatch& patch, std::int64_t c) {
                         change_contrast(patch, c, c == 0 ? std::stof(factor) : 1.1F, keep);
                       });
}

TEST(PatchIntensityReference, Brightness) {
  NNUNET_NEEDS_SHARED(kReference);
  expect_reference("brightness_0.8_1.2",
                   [](TrainingPatch& patch, std::int64_t c) { scale_brightness(patch, c, c == 0 ? 0.8F : 1.2F); });
}

TEST(PatchIntensityReference, Blur) {
  NNUNET_NEEDS_SHARED(kReference);
  PatchScratch scratch;
  expect_reference("blur_0.5_0.71_0.93", [&](TrainingPatch& patch, std::int64_t c) {
    blur_channel(patch, c, {0.5F, 0.71F, 0.93F}, scratch);
  });
  expect_reference("blur_0.62_0.62_1.0", [&](TrainingPatch& patch, std::int64_t c) {
    blur_channel(patch, c, {0.62F, 0.62F, 1.0F}, scratch);
  });
  TrainingPatch plane = formula_patch(1, {1, 20, 24});
  blur_channel(plane, 0, {7.0F, 0.55F, 0.9F}, scratch);
  const test::Npz npz(test::shared_dir() / kReference);
  EXPECT_LT(largest_difference(plane.image.values, npz.load<float>("blur_2d_0.55_0.9").values), 1e-5);
}

TEST(PatchIntensity, WindowOfTheGaussian) {  // blur_kernel_length of augmentation.json
  const std::vector<std::pair<double, std::int64_t>> lengths{{0.5, 3},  {0.55, 3}, {0.58, 3}, {0.6, 5},  {0.67, 5},
                                                             {0.75, 5}, {0.8, 5},  {0.84, 5}, {0.92, 7}, {1.0, 7}};
  for (const auto& [sigma, length] : lengths) EXPECT_EQ(gaussian_window(sigma), length) << sigma;
  EXPECT_EQ(gaussian_window(0.3), 3);
  EXPECT_EQ(gaussian_window(1.5), 9);
}

Volume plain_blur(Volume x, const Shape3& size, const std::array<float, 3>& sigmas) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (size[axis] == 1) continue;
    const auto sigma = static_cast<double>(sigmas[axis]);
    const std::int64_t radius = gaussian_window(sigma) / 2;
    x = made(size, [&](std::int64_t d, std::int64_t h, std::int64_t w) {
      double sum = 0, weights = 0;
      for (std::int64_t k = -radius; k <= radius; ++k) {
        Shape3 from{d, h, w};
        from[axis] += k;
        while (from[axis] < 0 || from[axis] >= size[axis])
          from[axis] = from[axis] < 0 ? -from[axis] : 2 * (size[axis] - 1) - from[axis];
        const double weight = std::exp(-0.5 * static_cast<double>(k * k) / (sigma * sigma));
        sum += weight * at(x, size, from[0], from[1], from[2]);
        weights += weight;
      }
      return sum / weights;
    });
  }
  return x;
}

TEST(PatchIntensity, BlurBesideThePlainSum) {
  PatchScratch scratch;
  for (const Shape3& size : kSizes)
    for (const std::array<float, 3>& sigmas :
         {std::array{0.3F, 0.5F, 0.99F}, {1.49F, 0.8F, 0.31F}, {0.6F, 1.2F, 1.5F}}) {
      TrainingPatch patch = formula_patch(1, size);
      const Volume expected = plain_blur(in_double(patch), size, sigmas);
      blur_channel(patch, 0, sigmas, scratch);
      EXPECT_LT(largest_difference(patch, expected), 2e-6) << shape_text(size);
    }
}

Volume plain_low_resolution(const Volume& x, const Shape3& size, const std::array<float, 3>& factors) {
  Shape3 coarse{};
  for (std::size_t a = 0; a < 3; ++a)
    coarse[a] = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size[a]) * static_cast<double>(factors[a]))));
  const auto kept = [&](std::size_t a, std::int64_t i) { return (2 * i + 1) * size[a] / (2 * coarse[a]); };
  const Volume low = made(coarse, [&](std::int64_t d, std::int64_t h, std::int64_t w) {
    return at(x, size, kept(0, d), kept(1, h), kept(2, w));
  });
  return made(size, [&](std::int64_t d, std::int64_t h, std::int64_t w) {
    const Shape3 voxel{d, h, w};
    double sum = 0;
    for (unsigned corner = 0; corner < 8; ++corner) {
      double weight = 1;
      Shape3 from{};
      for (std::size_t a = 0; a < 3; ++a) {
        const double position = std::max(
            (static_cast<double>(voxel[a]) + 0.5) * static_cast<double>(coarse[a]) / static_cast<double>(size[a]) - 0.5,
            0.0);
        const auto below = static_cast<std::int64_t>(position);
        const double share = position - static_cast<double>(below);
        const bool upper = (corner >> a & 1) != 0;
        weight *= upper ? share : 1 - share;
        from[a] = std::min(below + (upper ? 1 : 0), coarse[a] - 1);
      }
      sum += weight * at(low, coarse, from[0], from[1], from[2]);
    }
    return sum;
  });
}

TEST(PatchIntensity, LowResolutionBesideThePlainSum) {
  PatchScratch scratch;
  // Where (2 i + 1) n / 2 m is whole, torch's float32 may keep the voxel below; these sizes and factors have none.
  for (const Shape3& size : {Shape3{1, 1, 1}, {1, 1, 37}, {1, 9, 1}, {1, 21, 33}, {3, 5, 7}, {11, 13, 9}, {17, 9, 129}})
    for (const std::array<float, 3>& factors : {std::array{0.5F, 0.5F, 0.5F},
                                                {1.0F, 0.63F, 0.63F},
                                                {0.25F, 0.25F, 0.25F},
                                                {0.97F, 0.97F, 0.97F},
                                                {0.01F, 1.0F, 0.34F}}) {
      TrainingPatch patch = formula_patch(1, size);
      const Volume expected = plain_low_resolution(in_double(patch), size, factors);
      lower_resolution(patch, 0, factors, scratch);
      EXPECT_LT(largest_difference(patch, expected), 2e-5) << shape_text(size) << " " << factors[0];
    }
}

TEST(PatchIntensity, PowersAreGoodToSixDigits) {
  double largest = 0;
  for (const float g : {0.01F, 0.3F, 0.7F, 0.999F, 1.0F, 1.2345F, 1.5F, 2.7F, 4.0F}) {
    const Exponent exponent(g);
    for (std::uint32_t bits = 0x10000000; bits < 0x3F900000; bits += 9973) {  // 2.5e-29 to 1.125
      const auto t = __builtin_bit_cast(float, bits);
      const double expected = std::pow(static_cast<double>(t), static_cast<double>(g));
      if (expected < 0x1p-120) continue;
      largest = std::max(largest, std::abs(static_cast<double>(power(t, exponent)) / expected - 1));
    }
    EXPECT_EQ(power(0.0F, exponent), 0.0F);
    EXPECT_EQ(power(1.0F, exponent), 1.0F);
  }
  EXPECT_LT(largest, 1e-6);
}

struct PlainMoments {
  double mean = 0, deviation = 0, least = 0, most = 0;
  explicit PlainMoments(const Volume& x) {
    for (const double v : x) mean += v / static_cast<double>(x.size());
    for (const double v : x) deviation += (v - mean) * (v - mean);
    deviation = x.size() < 2 ? 0 : std::sqrt(deviation / static_cast<double>(x.size() - 1));
    least = *std::ranges::min_element(x);
    most = *std::ranges::max_element(x);
  }
};

TEST(PatchIntensity, MomentsOfFarAndConstantValues) {
  for (const std::size_t count : {1, 2, 31, 33, 1024, 1025, 5000}) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = 1000.0F + std::sin(0.7F * static_cast<float>(i));
    values[0] = -30000.0F;
    const PlainMoments expected({values.begin(), values.end()});
    const Moments found(values.data(), static_cast<std::int64_t>(count));
    // Sums of up to 32 values in float: 32 roundings of half a unit.
    EXPECT_NEAR(found.mean(), expected.mean, 2e-6 * expected.deviation);
    EXPECT_NEAR(found.deviation(), expected.deviation, 2e-6 * expected.deviation);
    EXPECT_EQ(static_cast<double>(found.least()), expected.least);
    EXPECT_EQ(static_cast<double>(found.most()), expected.most);
    std::ranges::fill(values, 0.1F);
    const Moments constant(values.data(), static_cast<std::int64_t>(count));
    EXPECT_EQ(constant.mean(), static_cast<double>(0.1F));
    EXPECT_EQ(constant.deviation(), 0.0);
  }
}

Volume plain_gamma(Volume x, double gamma, bool inverted, bool keep) {
  const double sign = inverted ? -1 : 1;
  for (double& v : x) v *= sign;
  const PlainMoments before(x);
  const double range = before.most - before.least;
  for (double& v : x) v = std::pow((v - before.least) / std::max(range, 1e-7), gamma) * range + before.least;
  const PlainMoments after(x);
  for (double& v : x) {
    if (keep) v = (v - after.mean) * (before.deviation / std::max(after.deviation, 1e-7)) + before.mean;
    v *= sign;
  }
  return x;
}

TEST(PatchIntensity, GammaBesideThePlainFormula) {
  for (const Shape3& size : kSizes)
    for (const float gamma : {0.7F, 1.0F, 1.5F})
      for (const bool inverted : {false, true})
        for (const bool keep : {false, true}) {
          TrainingPatch patch = formula_patch(1, size);
          const Volume expected = plain_gamma(in_double(patch), static_cast<double>(gamma), inverted, keep);
          change_gamma(patch, 0, gamma, inverted, keep);
          EXPECT_LT(largest_difference(patch, expected), 4e-6) << shape_text(size) << " " << gamma;
        }
}

TEST(PatchIntensity, ContrastAndBrightnessBesideThePlainFormulas) {
  for (const Shape3& size : kSizes)
    for (const bool keep : {false, true}) {
      TrainingPatch patch = formula_patch(1, size);
      Volume expected = in_double(patch);
      const PlainMoments before(expected);
      for (double& v : expected) {
        v = (v - before.mean) * 1.7 + before.mean;
        if (keep) v = std::clamp(v, before.least, before.most);
        v = v * 0.9 + 0.25;
      }
      change_contrast(patch, 0, 1.7F, keep);
      scale_brightness(patch, 0, 0.9F);
      shift_brightness(patch, 0, 0.25F);
      EXPECT_LT(largest_difference(patch, expected), 2e-6) << shape_text(size);
    }
}

TEST(PatchIntensity, ConstantChannelsStayAsTheyAre) {
  PatchScratch scratch;
  const Shape3 size{6, 7, 40};
  for (const float value : {0.0F, 0.1F, -3.7F, 1000.3F}) {
    TrainingPatch patch = test::patch_of(std::vector<float>(static_cast<std::size_t>(volume(size)), value), size);
    change_contrast(patch, 0, 1.2F, true);
    change_contrast(patch, 0, 0.5F, false);
    change_gamma(patch, 0, 0.7F, true);
    change_gamma(patch, 0, 1.4F, false);
    change_gamma_locally(patch, 0, {{1, 2, 3}, {4, 5, 6}}, 0.3F);
    filter_median(patch, 0, 5, scratch);
    EXPECT_EQ(patch.image.values, std::vector<float>(patch.image.values.size(), value));
    lower_resolution(patch, 0, {0.5F, 0.6F, 0.7F}, scratch);
    blur_channel(patch, 0, {1, 1, 1}, scratch);
    sharpen(patch, 0, 1, scratch);
    for (const float v : patch.image.values) EXPECT_NEAR(v, value, 1e-6F * std::abs(value));
  }
}

Volume plain_median(const Volume& x, const Shape3& size, std::int64_t side) {
  const auto from = [&](std::int64_t i, std::size_t a) {
    while (i < 0 || i >= size[a]) i = i < 0 ? -1 - i : 2 * size[a] - 1 - i;
    return i;
  };
  std::array<std::int64_t, 3> window{};
  for (std::size_t a = 0; a < 3; ++a) window[a] = size[a] > 1 ? side : 1;
  return made(size, [&](std::int64_t d, std::int64_t h, std::int64_t w) {
    Volume around;
    for (std::int64_t z = 0; z < window[0]; ++z)
      for (std::int64_t y = 0; y < window[1]; ++y)
        for (std::int64_t k = 0; k < window[2]; ++k)
          around.push_back(at(x, size, from(d + z - window[0] / 2, 0), from(h + y - window[1] / 2, 1),
                              from(w + k - window[2] / 2, 2)));
    const auto middle = around.begin() + static_cast<std::ptrdiff_t>(around.size() / 2);
    std::nth_element(around.begin(), middle, around.end());
    return *middle;
  });
}

TEST(PatchIntensity, MedianBesideSorting) {
  PatchScratch scratch;
  for (const Shape3& size : kSizes)
    for (const int side : {1, 2, 3, 4, 5, 7})
      for (const bool steps : {false, true}) {  // values that occur often, too
        TrainingPatch patch = formula_patch(1, size);
        if (steps)
          for (float& v : patch.image.values) v = std::round(2 * v);
        const Volume expected = plain_median(in_double(patch), size, side);
        filter_median(patch, 0, side, scratch);
        EXPECT_EQ(largest_difference(patch, expected), 0) << shape_text(size) << ", window " << side;
      }
}

TEST(PatchIntensity, SharpeningBesideThePlainSum) {
  PatchScratch scratch;
  for (const Shape3& size : kSizes) {
    TrainingPatch patch = formula_patch(1, size);
    const Volume x = in_double(patch);
    const Volume expected = made(size, [&](std::int64_t d, std::int64_t h, std::int64_t w) {
      double sum = 0;
      for (std::size_t a = 0; a < 3; ++a)
        for (const std::int64_t step : {-1, 1}) {
          Shape3 from{d, h, w};
          from[a] = std::clamp<std::int64_t>(from[a] + step, 0, size[a] - 1);
          sum += at(x, size, d, h, w) - at(x, size, from[0], from[1], from[2]);
        }
      return at(x, size, d, h, w) + 0.8 * sum;
    });
    sharpen(patch, 0, 0.8F, scratch);
    EXPECT_LT(largest_difference(patch, expected), 3e-6) << shape_text(size);
  }
}

/// The weights of a bump by the integral of the Gaussian over each voxel.
Volume plain_bump(const GaussianBump& bump, const Shape3& size) {
  const auto share = [&](std::size_t a, std::int64_t i) {
    if (size[a] == 1) return 1.0;
    double sum = 0;  // midpoint rule
    for (int k = 0; k < 200; ++k) {
      const double x = static_cast<double>(i) - 0.5 + (k + 0.5) / 200;
      sum += std::exp(-0.5 * std::pow((x - bump.centre[a]) / bump.deviation[a], 2)) / 200;
    }
    return sum / (bump.deviation[a] * std::sqrt(2 * std::numbers::pi));
  };
  Volume weights = made(
      size, [&](std::int64_t d, std::int64_t h, std::int64_t w) { return share(0, d) * share(1, h) * share(2, w); });
  const PlainMoments range(weights);
  for (double& v : weights) v = range.most > range.least ? (v - range.least) / (range.most - range.least) : 0;
  return weights;
}

TEST(PatchIntensity, LocalOperatorsBesideThePlainFormulas) {
  for (const Shape3& size : {Shape3{1, 1, 1}, {1, 14, 9}, {6, 7, 20}}) {
    const GaussianBump bump{{2, -3.5, 7}, {3, 2.5, 12}};
    const Volume weights = plain_bump(bump, size);
    TrainingPatch patch = formula_patch(1, size);
    const Volume before = in_double(patch);
    Volume expected = before;
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += -4 * weights[i];
    add_gradient(patch, 0, bump, -4);
    EXPECT_LT(largest_difference(patch, expected), 1e-5) << shape_text(size);

    patch = formula_patch(1, size);
    const PlainMoments range(before);
    const double spread = std::max(range.most - range.least, 1e-8);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double t = (before[i] - range.least) / spread;
      expected[i] = (t * (1 - weights[i]) + std::pow(t, 0.2) * weights[i]) * spread + range.least;
    }
    change_gamma_locally(patch, 0, bump, 0.2F);
    EXPECT_LT(largest_difference(patch, expected), 1e-5) << shape_text(size);
  }
}

TEST(PatchIntensity, BlankedBoxHasItsMean) {
  TrainingPatch patch = formula_patch(2, {5, 6, 7});
  const Volume before = in_double(patch);
  blank_box(patch, 1, {1, 2, 3}, {2, 3, 4});
  double mean = 0;
  const auto inside = [](std::size_t i) {
    const std::size_t c = i / 210, d = i / 42 % 5, h = i / 7 % 6, w = i % 7;
    return c == 1 && d >= 1 && d < 3 && h >= 2 && h < 5 && w >= 3;
  };
  for (std::size_t i = 0; i < before.size(); ++i) mean += inside(i) ? before[i] / 24 : 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(static_cast<double>(patch.image.values[i]), inside(i) ? mean : before[i], 1e-6) << i;
}

TEST(PatchIntensity, NoiseIsNormalAndIndependent) {
  TrainingPatch patch{Array<float>({2, 10, 50, 100}), {}};
  CounterRng rng(7, 1, 2);
  const NoiseKey key = draw_noise_key(rng), another = draw_noise_key(rng);
  for (const std::int64_t channel : {0, 1}) add_gaussian_noise(patch, channel, 0.5F, key);
  const std::vector<double> edges{-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2};  // deviations
  std::vector<double> probabilities;
  std::vector<std::int64_t> counts(edges.size() + 1, 0);
  double below = 0;
  for (const double edge : edges) {
    const double all = 0.5 * std::erfc(-edge / std::numbers::sqrt2);
    probabilities.push_back(all - below);
    below = all;
  }
  probabilities.push_back(1 - below);
  double beside = 0, between = 0;
  const std::size_t half = patch.image.values.size() / 2;
  for (std::size_t i = 0; i < 2 * half; ++i) {
    const double v = 2 * static_cast<double>(patch.image.values[i]);
    ++counts[static_cast<std::size_t>(std::ranges::upper_bound(edges, v) - edges.begin())];
    if (i > 0) beside += 2 * static_cast<double>(patch.image.values[i - 1]) * v;
    if (i < half) between += 2 * static_cast<double>(patch.image.values[i + half]) * v;
  }
  test::expect_drawn_from(counts, probabilities);
  EXPECT_LT(std::abs(beside), 4 * std::sqrt(100000.0));
  EXPECT_LT(std::abs(between), 4 * std::sqrt(50000.0));
  TrainingPatch other{Array<float>({2, 10, 50, 100}), {}};
  for (const std::int64_t channel : {0, 1}) add_gaussian_noise(other, channel, 0.5F, another);
  EXPECT_NE(patch.image.values, other.image.values);
}

/// FNV-1a of the bits.
std::uint64_t digest(const std::vector<float>& values) {
  std::uint64_t sum = 14695981039346656037U;
  for (const float v : values) sum = (sum ^ __builtin_bit_cast(std::uint32_t, v)) * 1099511628211U;
  return sum;
}

// Run on each instruction set (data_on_...): the numbers of one are those of all.
TEST(PatchIntensity, DigitsDoNotDependOnTheVectorUnit) {
  PatchScratch scratch;
  TrainingPatch patch{Array<float>({1, 9, 21, 43}), {}};
  for (std::size_t i = 0; i < patch.image.values.size(); ++i)
    patch.image.values[i] = static_cast<float>(static_cast<std::int64_t>(i * i % 9973) - 4000) / 1024.0F;
  change_gamma(patch, 0, 0.81F, true);
  change_contrast(patch, 0, 1.19F, true);
  lower_resolution(patch, 0, {0.7F, 0.7F, 0.7F}, scratch);
  change_gamma(patch, 0, 1.33F, false);
  sharpen(patch, 0, 0.37F, scratch);
  EXPECT_EQ(digest(patch.image.values), 18215867153605336189U);
}

}  // namespace
}  // namespace nnunet
