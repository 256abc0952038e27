#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/blocked_reference.h"
#include "kernels/numbers.h"
#include "nnunet/kernels/direct.h"

namespace nnunet::kernels {
namespace {

using test::Numbers;

/// Every instruction set that this processor has.
std::vector<Isa> isas() {
  std::vector<Isa> list;
  for (int i = 0; i <= static_cast<int>(best_isa()); ++i) list.push_back(static_cast<Isa>(i));
  return list;
}

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

}  // namespace
}  // namespace nnunet::kernels
