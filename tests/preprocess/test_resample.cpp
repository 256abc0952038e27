#include "nnunet/preprocess/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "nnunet/core/error.h"
#include "reference/npz.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

Array<float> wave(const Shape3& s, double step = 0.7) {
  Array<float> a({s[0], s[1], s[2]});
  for (std::size_t i = 0; i < a.values.size(); ++i)
    a.values[i] = static_cast<float>(100 * std::sin(step * static_cast<double>(i)));
  return a;
}

Array<std::uint8_t> classes(const Shape3& s) {
  Array<std::uint8_t> a({s[0], s[1], s[2]});
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double v = 0.618034 * static_cast<double>(i * i) * 0.37;
    a.values[i] = static_cast<std::uint8_t>(4 * (v - std::floor(v)));
  }
  return a;
}

std::vector<float> resampled(const Array<float>& image, const Shape3& to, bool anisotropic, int threads = 1) {
  std::vector<float> out(static_cast<std::size_t>(volume(to)));
  resample_image(image.values, image.spatial(), out, to, anisotropic, threads);
  return out;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << "at " << i;
}

TEST(ResampledShape, TruncatesInDoubleFromFloat32Spacing) {
  EXPECT_EQ(resampled_shape({10, 20, 30}, {3, 1, 1}, {1, 1, 2}), (Shape3{30, 20, 15}));
  // float32(0.7676) is just below 0.7676: one voxel is lost, as in the reference system.
  const double narrow = static_cast<double>(0.7675F);
  EXPECT_EQ(resampled_shape({1, 1, 512}, {1, 1, narrow}, {1, 1, 0.7675}), (Shape3{1, 1, narrow < 0.7675 ? 511 : 512}));
  EXPECT_EQ(resampled_shape({1, 5, 5}, {1, 1, 1}, {3, 1, 1}), (Shape3{1, 5, 5}));  // never nothing
  EXPECT_EQ(resampled_shape({1, 1, 1}, {1e-3, 1e-3, 1e-3}, {1, 1, 1}), (Shape3{1, 1, 1}));
  EXPECT_THROW(resampled_shape({100, 5, 5}, {1e9, 1, 1}, {1e-3, 1, 1}), Error);
}

// Expected values: skimage.transform.resize (0.26, order 3, mode "edge", clip, no anti-aliasing).
TEST(ResampleImage, CubicAgreesWithScikitImage) {
  const std::vector<double> expected{
      -13.03247, 48.33292,  72.51568,  42.00007, 29.13852, 5.49619,  -21.83307, -33.05449, -65.43187, -63.13308,
      -13.72348, 47.00924,  25.05958,  59.17196, 48.48826, 0.74675,  12.20475,  -12.46988, -27.39508, -21.76045,
      -57.92459, -25.59301, 25.28136,  57.84989, 65.66767, 53.08975, 1.08368,   -52.68221, -13.75929, -31.40215,
      -25.28017, 0.17245,   -28.61658, 31.47011, 66.99089, 52.21784, 45.93136,  -1.77855,  -47.31673, -57.69958,
      -27.07943, -21.47785, 0.0656,    21.94687, 26.98825, 59.6142,  47.14007,  -1.39907,  18.54381,  -43.87722,
      -72.42473, -46.42157, -30.29331, -8.1317,  19.71136, 33.06897, 63.03015,  65.7743,   19.34588,  -42.6267};
  for (const int threads : {1, 3}) expect_near(resampled(wave({3, 4, 5}), {5, 3, 4}, false, threads), expected, 2e-4);
}

TEST(ResampleImage, AnisotropicIsInPlaneCubicThenNearest) {
  const std::vector<double> slices{-5.86785,  50.61626,  68.29871,  34.37196, 26.06325,  2.11395,   -22.9908, -31.06746,
                                   -64.31539, -56.30871, -6.38896,  49.28666, 65.66767,  53.08975,  1.08368,  -52.68221,
                                   -13.75929, -31.40215, -25.28017, 0.17245,  -28.61658, 31.47011,  66.99089, 52.21784,
                                   23.82628,  -36.09758, -68.00234, -48.7792, -29.82607, -10.70163, 16.07732, 31.11462,
                                   56.48949,  64.91498,  24.70926,  -35.00641};
  const std::vector<float> got = resampled(wave({3, 4, 5}), {5, 3, 4}, true);
  // Output slices 0 1 2 3 4 show input slices 0 0 1 2 2.
  std::vector<double> expected;
  for (const std::size_t z : {0, 0, 1, 2, 2})
    expected.insert(expected.end(), slices.begin() + static_cast<std::ptrdiff_t>(12 * z),
                    slices.begin() + static_cast<std::ptrdiff_t>(12 * z + 12));
  expect_near(got, expected, 2e-4);
}

/// reference-v2/plan/functions.npz: nnU-Net v2's resampling of random fields (C,D,H,W). Without a separate axis, and
/// with one that takes nearest neighbours, it is what the reference system does to images.
struct Resampled {
  std::string name;
  bool anisotropic;
};

Array<float> channel_of(const Array<float>& array, std::int64_t c) {
  const Shape3 s = array.spatial();
  Array<float> channel({s[0], s[1], s[2]});
  std::ranges::copy(array.slab(c), channel.values.begin());
  return channel;
}

TEST(ResampleImage, EqualsNnunetV2) {
  const test::Npz npz(test::reference_file("reference-v2/plan/functions.npz"));
  for (const auto& [name, anisotropic] : {Resampled{"img3_up", false},
                                          {"img3_down", false},
                                          {"img3_mixed", false},
                                          {"img3_tiny", false},
                                          {"img3_same", false},
                                          {"img3_sepz_axis0_up", true},
                                          {"img3_sepz_axis0_down", true},
                                          {"img3_sepz_z_same", true}}) {
    SCOPED_TRACE(name);
    const auto in = npz.load<float>("resample_" + name + "_in"), out = npz.load<float>("resample_" + name + "_out");
    for (std::int64_t c = 0; c < in.size(0); ++c) {
      const auto expected = out.slab(c);
      expect_near(resampled(channel_of(in, c), out.spatial(), anisotropic), {expected.begin(), expected.end()}, 2e-4);
    }
  }
}

TEST(ResampleImage, SameSizeIsTheInput) {
  const Array<float> a = wave({4, 5, 6});
  EXPECT_EQ(resampled(a, {4, 5, 6}, false), a.values);
  EXPECT_EQ(resampled(a, {4, 5, 6}, true), a.values);
}

TEST(ResampleImage, StaysInTheInputsRangeAndKeepsConstants) {
  const Array<float> steps = [] {
    Array<float> a({6, 20, 33});
    for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] = i % 7 < 3 ? 1000.0F : -1000.0F;
    return a;
  }();
  for (const float v : resampled(steps, {9, 31, 17}, false)) {
    EXPECT_LE(v, 1000.0F);
    EXPECT_GE(v, -1000.0F);
  }
  const Array<float> flat({2, 3, 4}, 7.5F);
  for (const float v : resampled(flat, {5, 2, 9}, false)) EXPECT_EQ(v, 7.5F);
  const Array<float> single({1, 1, 1}, 3.0F);
  for (const float v : resampled(single, {2, 3, 4}, false)) EXPECT_EQ(v, 3.0F);
}

TEST(ResampleImage, ThreadsDoNotChangeIt) {
  const Array<float> a = wave({17, 40, 37}, 0.013);
  EXPECT_EQ(resampled(a, {23, 31, 50}, false, 1), resampled(a, {23, 31, 50}, false, 4));
}

// Expected: per class resize(mask, order=1) >= 0.5, later classes win; many sums are exactly one half.
TEST(ResampleLabel, AgreesWithScikitImagePerClass) {
  const std::vector<std::uint8_t> expected{0, 0, 3, 0, 2, 2, 0, 3, 2, 2, 2, 0, 0, 2, 2, 3, 2, 3, 2, 3, 3, 2, 3, 2,
                                           3, 1, 2, 0, 0, 2, 1, 3, 2, 3, 2, 0, 0, 2, 0, 2, 3, 2, 2, 1, 1, 3, 3, 0,
                                           0, 1, 3, 0, 0, 0, 3, 0, 1, 0, 0, 3, 1, 3, 2, 3, 2, 3, 3, 2, 3, 2, 3, 2,
                                           2, 1, 1, 3, 3, 0, 0, 1, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 3, 1, 1, 3, 2, 3,
                                           3, 1, 3, 2, 0, 3, 0, 3, 0, 2, 3, 1, 1, 3, 2, 3, 3, 1, 3, 2, 0, 3, 1, 0};
  EXPECT_EQ(resample_label(classes({3, 4, 5}).values, {3, 4, 5}, {4, 6, 5}, false).values, expected);
}

TEST(ResampleLabel, HighestOfTwoHalvesWins) {
  const std::vector<std::uint8_t> label{1, 2};
  EXPECT_EQ(resample_label(label, {1, 1, 2}, {1, 1, 1}, false).values, (std::vector<std::uint8_t>{2}));
  const std::vector<std::uint8_t> half{3, 0};
  EXPECT_EQ(resample_label(half, {1, 1, 2}, {1, 1, 1}, false).values, (std::vector<std::uint8_t>{3}));
  const std::vector<std::uint8_t> none{1, 2, 3};
  EXPECT_EQ(resample_label(none, {1, 1, 3}, {1, 1, 3}, true).values, none);
}

TEST(ResampleLinear, AgreesWithScikitImage) {
  const std::vector<double> expected{
      -17.53916, -12.91072, -4.64921, 4.91956, 13.09538, 17.5901,   -11.13546, -2.44672, 7.08411, 14.24516,
      17.01569,  15.15453,  -6.10902, 0.92194, 7.83821,  12.19444,  12.76136,  9.88377,  3.48977, 9.30186,
      12.67624,  12.04389,  7.58324,  1.16824, 7.12217,  11.55068,  12.89732,  10.20298, 4.22799, -2.76938,
      13.09917,  12.81374,  9.00724,  2.4597,  -4.98124, -10.93845, 17.74401,  15.43257, 8.84175, -0.39099,
      -9.66028,  -16.15164, 14.4896,  6.9183,  -2.69989, -11.31266, -16.48958, -17.12998};
  for (const int threads : {1, 2}) {
    std::vector<float> got(48);
    resample_linear(wave({3, 4, 5}).values, {3, 4, 5}, got, {4, 2, 6}, false, threads);
    expect_near(got, expected, 1e-4);
  }
  const Array<float> a = wave({2, 3, 3});
  std::vector<float> doubled(36);
  resample_linear(a.values, {2, 3, 3}, doubled, {4, 3, 3}, true);
  for (std::size_t z = 0; z < 4; ++z)
    for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(doubled[9 * z + i], a.values[9 * (z / 2) + i]);
}

// ---- the fast ways against plain ones ----

// Sizes that fill no vector, axes of one voxel, growing and shrinking; the last spans several blocks of lines.
struct Resize {
  Shape3 from, to;
};
const std::vector<Resize> kResizes{{{1, 1, 1}, {3, 1, 2}},   {{5, 1, 7}, {3, 4, 9}},      {{1, 9, 1}, {1, 4, 6}},
                                   {{2, 3, 33}, {2, 3, 70}}, {{7, 33, 31}, {13, 17, 65}}, {{40, 3, 2}, {61, 5, 1}},
                                   {{3, 65, 5}, {3, 20, 5}}};

double position_of(std::int64_t i, std::int64_t from, std::int64_t to) {
  return (static_cast<double>(i) + 0.5) * (static_cast<double>(from) / static_cast<double>(to)) - 0.5;
}

// The interpolating cubic spline through samples with 12 replicated ones on either side and mirrored beyond them: its
// coefficients by Gauss-Seidel steps on (c[i-1] + 4 c[i] + c[i+1]) / 6 = sample, its values by the basis function.
std::vector<double> plain_spline(const std::vector<double>& samples, std::int64_t to) {
  const auto from = static_cast<std::int64_t>(samples.size());
  std::vector<double> line(12, samples.front());
  line.insert(line.end(), samples.begin(), samples.end());
  line.insert(line.end(), 12, samples.back());
  std::vector<double> c = line;
  const std::size_t n = c.size();
  for (int step = 0; step < 60; ++step)
    for (std::size_t i = 0; i < n; ++i) {
      // Half-sample symmetric: the neighbour beyond an end is the end itself.
      const bool first = i == 0, last = i + 1 == n;
      const double beside = (first ? 0 : c[i - 1]) + (last ? 0 : c[i + 1]);
      c[i] = (6 * line[i] - beside) / (4 + (first ? 1 : 0) + (last ? 1 : 0));
    }
  const auto basis = [](double x) {
    x = std::abs(x);
    return x < 1 ? 2.0 / 3 - x * x + x * x * x / 2 : x < 2 ? (2 - x) * (2 - x) * (2 - x) / 6 : 0.0;
  };
  std::vector<double> out;
  for (std::int64_t i = 0; i < to; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < n; ++k) sum += c[k] * basis(position_of(i, from, to) + 12 - static_cast<double>(k));
    out.push_back(sum);
  }
  return out;
}

std::vector<double> plain_cubic(const Array<float>& image, const Shape3& to) {
  std::vector<double> values(image.values.begin(), image.values.end());
  Shape3 shape = image.spatial();
  for (std::size_t a = 0; a < 3; ++a) {
    if (shape[a] == to[a]) continue;
    Shape3 next = shape;
    next[a] = to[a];
    std::vector<double> made(static_cast<std::size_t>(volume(next)));
    const std::int64_t inner = a == 0 ? shape[1] * shape[2] : a == 1 ? shape[2] : 1;
    const std::int64_t outer = volume(shape) / shape[a] / inner;
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i) {
        std::vector<double> samples;
        for (std::int64_t k = 0; k < shape[a]; ++k)
          samples.push_back(values[static_cast<std::size_t>((o * shape[a] + k) * inner + i)]);
        const std::vector<double> line = plain_spline(samples, to[a]);
        for (std::int64_t k = 0; k < to[a]; ++k)
          made[static_cast<std::size_t>((o * to[a] + k) * inner + i)] = line[static_cast<std::size_t>(k)];
      }
    values = made;
    shape = next;
  }
  const auto [least, most] = std::minmax_element(image.values.begin(), image.values.end());
  for (double& v : values) v = std::clamp(v, static_cast<double>(*least), static_cast<double>(*most));
  return values;
}

TEST(ResampleImage, AgreesWithThePlainSpline) {
  for (const Resize& r : kResizes)
    for (const int threads : {1, 3}) {
      SCOPED_TRACE(shape_text(r.from) + " to " + shape_text(r.to));
      const Array<float> image = wave(r.from);
      expect_near(resampled(image, r.to, false, threads), plain_cubic(image, r.to), 2e-4);
    }
}

// Trilinear value of a function of the voxel, corners in row-major order as scipy adds them up.
template <class Value>
double plain_linear(const Shape3& from, const Shape3& to, const Shape3& at, const Value& value) {
  std::array<std::array<std::int64_t, 2>, 3> sample{};
  std::array<std::array<double, 2>, 3> weight{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double position = position_of(at[a], from[a], to[a]), whole = std::floor(position);
    weight[a] = {1.0 - (position - whole), 1.0 - (1.0 - (position - whole))};
    for (std::size_t k = 0; k < 2; ++k)
      sample[a][k] =
          std::clamp<std::int64_t>(static_cast<std::int64_t>(whole) + static_cast<std::int64_t>(k), 0, from[a] - 1);
  }
  double sum = 0;
  for (std::size_t k = 0; k < 8; ++k) {
    const std::size_t z = k / 4, y = k / 2 % 2, x = k % 2;
    const auto voxel = static_cast<std::size_t>((sample[0][z] * from[1] + sample[1][y]) * from[2] + sample[2][x]);
    sum += weight[0][z] * weight[1][y] * weight[2][x] * value(voxel);
  }
  return sum;
}

template <class Body>
void for_each_voxel(const Shape3& to, const Body& body) {
  for (std::int64_t z = 0; z < to[0]; ++z)
    for (std::int64_t y = 0; y < to[1]; ++y)
      for (std::int64_t x = 0; x < to[2]; ++x) body(Shape3{z, y, x});
}

// Two ways to the same labels.
TEST(ResampleLabel, OfInt16EqualsThatOfBytes) {
  const ResamplingRule rule{.order = 1};
  for (const Resize& r : kResizes)
    for (const bool apart : {false, true}) {
      SCOPED_TRACE(shape_text(r.from) + " to " + shape_text(r.to));
      const Array<std::uint8_t> bytes = classes(r.from);
      const std::vector<std::int16_t> wide(bytes.values.begin(), bytes.values.end());
      const auto across = apart ? std::optional(0) : std::nullopt;
      const auto got = resample_label(wide, r.from, r.to, rule, LabelVote::last_half, across, 2).values;
      const auto expected = resample_label(bytes.values, r.from, r.to, apart).values;
      EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin(), expected.end()));
    }
}

TEST(ResampleLabel, TiesGoByTheVote) {
  const std::vector<std::int16_t> label{7, -1};
  const Shape3 two{1, 1, 2}, one{1, 1, 1};
  const auto voted = [&](LabelVote vote, Resampler method) {
    return resample_label(label, two, one, {.method = method, .order = 1}, vote, {}).values[0];
  };
  EXPECT_EQ(voted(LabelVote::largest, Resampler::spline), -1);  // the nearest neighbour is the upper one
  EXPECT_EQ(voted(LabelVote::last_half, Resampler::spline), 7);
  EXPECT_EQ(voted(LabelVote::majority, Resampler::spline), 0);
  EXPECT_EQ(voted(LabelVote::largest, Resampler::torch), -1);
  EXPECT_EQ(voted(LabelVote::majority, Resampler::torch), 0);
  EXPECT_EQ(resample_label(std::vector<std::int16_t>{-1, 7}, two, one, {.order = 1}, LabelVote::largest, {}).values[0],
            7);
}

TEST(ResampleLabel, EqualsOnePassPerClass) {
  std::vector<Resize> resizes = kResizes;
  resizes.push_back({{6, 10, 40}, {3, 20, 20}});  // sums of exactly one half
  for (const Resize& r : resizes)
    for (const bool solid : {false, true}) {
      SCOPED_TRACE(shape_text(r.from) + " to " + shape_text(r.to));
      Array<std::uint8_t> map = classes(r.from);
      if (solid)  // long runs of a class, and rows of one class
        for (std::size_t i = 0; i < map.values.size(); ++i) map.values[i] = static_cast<std::uint8_t>(i / 37 % 4);
      std::vector<std::uint8_t> expected;
      for_each_voxel(r.to, [&](const Shape3& at) {
        std::uint8_t best = 0;
        for (std::uint8_t c = 1; c < 4; ++c)
          if (plain_linear(r.from, r.to, at, [&](std::size_t v) { return map.values[v] == c ? 1.0 : 0.0; }) >= 0.5)
            best = c;
        expected.push_back(best);
      });
      for (const int threads : {1, 3})
        EXPECT_EQ(resample_label(map.values, r.from, r.to, false, threads).values, expected);
    }
}

TEST(ResampleLinear, AgreesWithThePlainSum) {
  for (const Resize& r : kResizes) {
    SCOPED_TRACE(shape_text(r.from) + " to " + shape_text(r.to));
    const Array<float> image = wave(r.from);
    std::vector<double> expected;
    for_each_voxel(r.to, [&](const Shape3& at) {
      expected.push_back(
          plain_linear(r.from, r.to, at, [&](std::size_t v) { return static_cast<double>(image.values[v]); }));
    });
    std::vector<float> got(expected.size());
    resample_linear(image.values, r.from, got, r.to, false, 2);
    expect_near(got, expected, 1e-4);
  }
}

}  // namespace
}  // namespace nnunet
