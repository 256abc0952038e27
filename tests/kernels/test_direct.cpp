#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/blocked_reference.h"
#include "kernels/isas.h"
#include "kernels/numbers.h"
#include "nnunet/kernels/direct.h"

namespace nnunet::kernels {
namespace {

using test::isas;
using test::Numbers;

struct Case {
  std::string name;
  ConvShape shape;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

using Three = std::array<std::int64_t, 3>;

/// A convolution with nnU-Net's padding, of fine channels a (+ b) and coarse channels c.
Case conv(const std::string& name, std::int64_t n, std::int64_t a, std::int64_t b, std::int64_t c, const Three& size,
          const Three& kernel, const Three& stride) {
  ConvShape s;
  s.samples = n;
  s.fine = {a, b, size, false};
  s.coarse = {c, 0, {}, false};
  s.kernel = kernel;
  s.stride = stride;
  for (std::size_t i = 0; i < 3; ++i) {
    s.padding[i] = (kernel[i] - stride[i] + 1) / 2;
    s.coarse.size[i] = (size[i] + 2 * s.padding[i] - kernel[i]) / stride[i] + 1;
  }
  return {name, s};
}
Case first_layer(const std::string& name, std::int64_t n, std::int64_t a, std::int64_t c, const Three& size,
                 const Three& kernel) {
  Case layer = conv(name, n, a, 0, c, size, kernel, {1, 1, 1});
  layer.shape.fine.plain = true;
  return layer;
}
Case last_layer(const std::string& name, std::int64_t n, std::int64_t a, std::int64_t c, const Three& size) {
  Case layer = conv(name, n, a, 0, c, size, {1, 1, 1}, {1, 1, 1});
  layer.shape.coarse.plain = true;
  return layer;
}

const std::vector<Case> kCases{
    conv("strided", 2, 32, 0, 64, {9, 12, 20}, {3, 3, 3}, {2, 2, 2}),
    conv("strided_odd", 1, 17, 0, 33, {5, 7, 9}, {3, 3, 3}, {2, 2, 2}),
    conv("strided_in_plane", 1, 16, 0, 48, {3, 10, 30}, {1, 3, 3}, {1, 2, 2}),
    conv("strided_one_axis", 2, 8, 0, 8, {4, 6, 7}, {3, 3, 3}, {1, 2, 1}),
    conv("plane", 3, 20, 0, 16, {1, 14, 11}, {1, 3, 3}, {1, 1, 1}),
    conv("volume", 1, 32, 0, 32, {6, 7, 5}, {3, 3, 3}, {1, 1, 1}),
    conv("joined", 1, 24, 18, 40, {4, 5, 6}, {3, 3, 3}, {1, 1, 1}),
    conv("pointwise", 1, 50, 0, 70, {2, 3, 31}, {1, 1, 1}, {1, 1, 1}),
    conv("large_kernel", 1, 3, 0, 5, {7, 6, 8}, {5, 1, 7}, {1, 1, 1}),
    conv("one_voxel", 1, 1, 0, 1, {1, 1, 1}, {3, 3, 3}, {1, 1, 1}),
    conv("many_channels", 1, 320, 0, 320, {2, 4, 4}, {3, 3, 3}, {2, 2, 2}),
    conv("transposed", 2, 32, 0, 64, {6, 8, 10}, {2, 2, 2}, {2, 2, 2}),
    conv("transposed_in_plane", 1, 19, 0, 35, {3, 8, 6}, {1, 2, 2}, {1, 2, 2}),
    first_layer("first", 2, 1, 32, {5, 9, 33}, {3, 3, 3}),
    first_layer("first_four", 1, 4, 32, {4, 6, 7}, {3, 3, 3}),
    first_layer("first_plane", 2, 3, 24, {1, 9, 12}, {1, 3, 3}),
    first_layer("first_many", 1, 20, 24, {2, 5, 6}, {3, 3, 3}),
    last_layer("last", 2, 32, 3, {4, 5, 30}),
    last_layer("last_many", 1, 40, 37, {2, 3, 7}),
};

class Direct : public testing::TestWithParam<Case> {};

/// Largest difference to the reference, as a share of its largest value.
template <class T>
double bound(Isa isa) {
  if (std::is_same_v<T, float>) return 3e-6;
  return isa == Isa::avx512_bf16 ? 1.2e-2 : 8e-3;  // bf16 keeps 8 bits: inputs and weights, and the result
}

template <class T>
void check(const ConvShape& s, Isa isa) {
  test::Side<T> fine(s.fine, s.samples, 1), coarse(s.coarse, s.samples, 2);
  const Numbers<float> weights = test::random_numbers<float>(s.coarse.total() * s.fine.total() * s.taps(), 3);
  const test::DirectReference reference(s, weights);
  ConvWorkspace workspace;

  // fine to coarse, with a bias
  DirectConv<T> down(s, DirectConv<T>::Direction::to_coarse, isa);
  down.set_weights(weights.data());
  const Numbers<float> bias = test::random_numbers<float>(blocks_of(s.coarse.channels) * kBlock, 4);
  Numbers<float> used_bias = bias;
  for (std::size_t c = static_cast<std::size_t>(s.coarse.channels); c < bias.size(); ++c) used_bias[c] = 0;
  std::vector<double> expected = reference.to_coarse(fine.values());
  for (std::size_t i = 0; i < expected.size(); ++i)
    expected[i] += static_cast<double>(bias[i / static_cast<std::size_t>(test::volume_of(s.coarse.size)) %
                                            static_cast<std::size_t>(s.coarse.channels)]);
  test::Side<T> result(s.coarse, s.samples, 5);
  std::vector<Moments> moments(static_cast<std::size_t>(s.samples * blocks_of(s.coarse.channels) * kBlock));
  if (s.coarse.plain) {
    down.run(fine.input(), bias.data(), result.plain(), workspace);
  } else {
    Output<T> y = result.output(0);
    y.bias = used_bias.data();
    y.moments = moments.data();
    if (s.fine.plain)
      down.run(fine.plain(), y, workspace);
    else
      down.run(fine.input(), y, workspace);
    test::expect_moments(moments, expected, s.samples, s.coarse, bound<T>(isa));
    EXPECT_TRUE(result.rest_is_zero());
  }
  EXPECT_LT(test::deviation_of(result.values(), expected), bound<T>(isa)) << "to coarse";

  // coarse to fine, added to what is there
  if (!s.fine.plain) {
    DirectConv<T> up(s, DirectConv<T>::Direction::to_fine, isa);
    up.set_weights(weights.data());
    test::Side<T> there(s.fine, s.samples, 6);
    expected = reference.to_fine(coarse.values());
    const auto before = there.values();
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += before[i];
    Output<T> first = there.output(0), second = there.output(1);
    first.add = second.add = true;
    if (s.coarse.plain)
      up.run(coarse.plain(), first, workspace);
    else
      up.run(coarse.input(), first, second, workspace);
    EXPECT_LT(test::deviation_of(there.values(), expected), bound<T>(isa)) << "to fine";
    EXPECT_TRUE(there.rest_is_zero());
  }

  // gradient of the weights
  DirectGradient<T> gradient(s, isa);
  Numbers<float> found(weights.size(), 7.0f);
  if (s.fine.plain)
    gradient.run(fine.plain(), coarse.input(), found.data(), workspace);
  else if (s.coarse.plain)
    gradient.run(fine.input(), coarse.plain(), found.data(), workspace);
  else
    gradient.run(fine.input(), coarse.input(), found.data(), workspace);
  EXPECT_LT(test::deviation_of(std::vector<double>(found.begin(), found.end()),
                               reference.gradient(fine.values(), coarse.values())),
            bound<T>(isa))
      << "gradient";
}

TEST_P(Direct, MatchesDoublePrecision) {
  for (const Isa isa : isas()) {
    SCOPED_TRACE(static_cast<int>(isa));
    check<float>(GetParam().shape, isa);
    check<Bfloat16>(GetParam().shape, isa);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Direct, testing::ValuesIn(kCases), [](const auto& p) { return p.param.name; });

/// What a Source makes of its values, in double; for the one tensor of a side.
template <class T>
struct Fused {
  Fused(const ConvSide& side, std::int64_t samples, std::uint32_t seed)
      : x(side, samples, seed), with(side, samples, seed + 1), row(blocks_of(side.channels) * kBlock) {
    for (auto* v : {&scale, &shift, &with_scale}) {
      *v = test::random_numbers<float>(samples * row, ++seed + 10);
      for (std::int64_t i = 0; i < samples * row; ++i)
        if (i % row >= side.channels) (*v)[static_cast<std::size_t>(i)] = 0;
    }
  }
  Input<T> input(bool two) {
    Input<T> in = x.input();
    in.first.scale = scale.data();
    in.first.shift = shift.data();
    in.first.slope = 0.1f;
    if (!two) return in;
    in.first.with = with.view(0).data;
    in.first.with_scale = with_scale.data();
    return in;
  }
  std::vector<double> values(bool two) const {
    std::vector<double> result = x.values();
    const std::vector<double> more = with.values();
    const auto channels = static_cast<std::size_t>(x.side().channels),
               voxels = static_cast<std::size_t>(test::volume_of(x.side().size));
    for (std::size_t i = 0; i < result.size(); ++i) {
      const std::size_t c = i / voxels % channels + i / voxels / channels * static_cast<std::size_t>(row);
      double z = result[i] * static_cast<double>(scale[c]) + static_cast<double>(shift[c]);
      if (two) z += more[i] * static_cast<double>(with_scale[c]);
      result[i] = z < 0 ? 0.1f * z : z;
    }
    return result;
  }

  test::Side<T> x, with;
  std::int64_t row;
  Numbers<float> scale, shift, with_scale;
};

template <class T>
void check_sources(const ConvShape& s, Isa isa, bool two) {
  Fused<T> fine(s.fine, s.samples, 1), coarse(s.coarse, s.samples, 40);
  const Numbers<float> weights = test::random_numbers<float>(s.coarse.total() * s.fine.total() * s.taps(), 3);
  const test::DirectReference reference(s, weights);
  ConvWorkspace workspace;
  using Conv = DirectConv<T>;
  Conv down(s, Conv::Direction::to_coarse, isa), up(s, Conv::Direction::to_fine, isa);
  down.set_weights(weights.data());
  up.set_weights(weights.data());
  test::Side<T> below(s.coarse, s.samples, 5), above(s.fine, s.samples, 6);
  down.run(fine.input(two), below.output(0), workspace);
  up.run(coarse.input(two), above.output(0), workspace);
  EXPECT_LT(test::deviation_of(below.values(), reference.to_coarse(fine.values(two))), bound<T>(isa));
  EXPECT_LT(test::deviation_of(above.values(), reference.to_fine(coarse.values(two))), bound<T>(isa));
  DirectGradient<T> gradient(s, isa);
  Numbers<float> found(weights.size());
  gradient.run(fine.input(two), coarse.input(two), found.data(), workspace);
  EXPECT_LT(test::deviation_of(std::vector<double>(found.begin(), found.end()),
                               reference.gradient(fine.values(two), coarse.values(two))),
            bound<T>(isa));
}

const Case kFused = conv("", 2, 20, 0, 35, {5, 6, 9}, {3, 3, 3}, {2, 2, 2});

TEST(DirectSources, AreNormalisedOnTheWayIn) {
  for (const Isa isa : isas())
    for (const bool two : {false, true}) {
      SCOPED_TRACE(static_cast<int>(isa));
      check_sources<float>(kFused.shape, isa, two);
      check_sources<Bfloat16>(kFused.shape, isa, two);
    }
}

/// Added to what is there, then through LeakyReLU's gradient, with the sums that a norm's gradient needs.
template <class T>
void check_through_norm(const ConvShape& s, Isa isa) {
  test::Side<T> coarse(s.coarse, s.samples, 2), x(s.fine, s.samples, 3), g(s.fine, s.samples, 4);
  const Numbers<float> weights = test::random_numbers<float>(s.coarse.total() * s.fine.total() * s.taps(), 5);
  const std::int64_t row = blocks_of(s.fine.channels) * kBlock, voxels = test::volume_of(s.fine.size);
  const Numbers<float> rstd = test::random_numbers<float>(s.samples * row, 6),
                       offset = test::random_numbers<float>(s.samples * row, 7);
  Numbers<float> gamma = test::random_numbers<float>(row, 8), beta = test::random_numbers<float>(row, 9);
  std::vector<double> sums(static_cast<std::size_t>(s.samples * row * 2));
  std::vector<double> expected = test::DirectReference(s, weights).to_fine(coarse.values());
  const std::vector<double> before = g.values(), input = x.values();
  std::vector<double> expected_sums(sums.size()), sizes(sums.size());
  for (std::int64_t n = 0; n < s.samples; ++n)
    for (std::int64_t c = 0; c < s.fine.channels; ++c)
      for (std::int64_t v = 0; v < voxels; ++v) {
        const auto i = static_cast<std::size_t>((n * s.fine.channels + c) * voxels + v),
                   k = static_cast<std::size_t>(n * row + c);
        const double xhat = input[i] * static_cast<double>(rstd[k]) + static_cast<double>(offset[k]);
        const double z = xhat * static_cast<double>(gamma[static_cast<std::size_t>(c)]) +
                         static_cast<double>(beta[static_cast<std::size_t>(c)]);
        expected[i] = (expected[i] + before[i]) * (z < 0 ? static_cast<double>(0.1f) : 1.0);
        expected_sums[2 * k] += expected[i];
        expected_sums[2 * k + 1] += expected[i] * xhat;
        sizes[2 * k] += std::abs(expected[i]);
        sizes[2 * k + 1] += std::abs(expected[i] * xhat);
      }
  DirectConv<T> up(s, DirectConv<T>::Direction::to_fine, isa);
  up.set_weights(weights.data());
  ConvWorkspace workspace;
  Output<T> y = g.output(0);
  y.add = true;
  y.through = {x.view(0).data, rstd.data(), offset.data(), gamma.data(), beta.data(), 0.1f, sums.data()};
  up.run(coarse.input(), y, workspace);
  EXPECT_LT(test::deviation_of(g.values(), expected), bound<T>(isa));
  for (std::size_t k = 0; k < sums.size(); ++k)
    EXPECT_NEAR(sums[k], expected_sums[k], bound<T>(isa) * (sizes[k] + 1e-9));
}

TEST(DirectOutputs, GoThroughTheNormsGradient) {
  for (const Isa isa : isas()) {
    SCOPED_TRACE(static_cast<int>(isa));
    check_through_norm<float>(kFused.shape, isa);
    check_through_norm<Bfloat16>(kFused.shape, isa);
  }
}

TEST(DirectThreads, DoNotChangeTheDigits) {
  const ConvShape& s = kFused.shape;
  test::Side<float> fine(s.fine, s.samples, 1), coarse(s.coarse, s.samples, 2), result(s.coarse, s.samples, 3);
  const Numbers<float> weights = test::random_numbers<float>(s.coarse.total() * s.fine.total() * s.taps(), 3);
  DirectConv<float> conv(s, DirectConv<float>::Direction::to_coarse);
  conv.set_weights(weights.data());
  const int before = omp_get_max_threads();
  std::vector<double> first;
  std::vector<Moments> moments(static_cast<std::size_t>(s.samples * blocks_of(s.coarse.channels) * kBlock)),
      first_moments;
  Numbers<float> gradient(weights.size()), first_gradient;
  for (const int threads : {1, 2, 3, 4}) {
    omp_set_num_threads(threads);
    ConvWorkspace workspace;
    Output<float> y = result.output(0);
    y.moments = moments.data();
    conv.run(fine.input(), y, workspace);
    DirectGradient<float>(s).run(fine.input(), coarse.input(), gradient.data(), workspace);
    if (threads == 1) {
      first = result.values();
      first_moments = moments;
      first_gradient = gradient;
    }
    EXPECT_EQ(result.values(), first);
    EXPECT_EQ(gradient, first_gradient);
    for (std::size_t i = 0; i < moments.size(); ++i) EXPECT_EQ(moments[i].variance, first_moments[i].variance);
  }
  omp_set_num_threads(before);
}

TEST(DirectDenormals, AreNumbers) {
  const ConvShape& s = kFused.shape;
  for (const Isa isa : isas()) {
    test::Side<float> fine(s.fine, s.samples, 1), result(s.coarse, s.samples, 3);
    for (float& value : fine.numbers(0)) value *= 1e-40f;
    const Numbers<float> weights = test::random_numbers<float>(s.coarse.total() * s.fine.total() * s.taps(), 3);
    DirectConv<float> conv(s, DirectConv<float>::Direction::to_coarse, isa);
    conv.set_weights(weights.data());
    ConvWorkspace workspace;
    conv.run(fine.input(), result.output(0), workspace);
    // Their last digit is 1.4e-45, and each of up to 540 sums may round to it.
    EXPECT_LT(test::deviation_of(result.values(), test::DirectReference(s, weights).to_coarse(fine.values())), 2e-4);
  }
}

}  // namespace
}  // namespace nnunet::kernels
