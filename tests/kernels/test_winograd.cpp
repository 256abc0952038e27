#include <gtest/gtest.h>

#include <cstring>

#include "kernels/isas.h"
#include "kernels/winograd_reference.h"
#include "nnunet/core/error.h"

namespace nnunet::test {
namespace {

using namespace kernels;

struct Case {
  Grid grid;
  std::int64_t first, second, outputs, second_outputs;
  int kernel_d;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.grid.n << 'x' << c.grid.d << 'x' << c.grid.h << 'x' << c.grid.w << ", " << c.first << '+' << c.second
             << " -> " << c.outputs << '+' << c.second_outputs << ", kernel " << c.kernel_d;
}
const Case kCases[] = {
    {{1, 1, 1, 1}, 1, 0, 1, 0, 1},    {{1, 1, 1, 1}, 1, 0, 1, 0, 3},    {{2, 5, 7, 3}, 3, 0, 5, 0, 3},
    {{1, 4, 6, 2}, 16, 0, 32, 0, 3},  {{1, 1, 9, 11}, 17, 5, 40, 0, 1}, {{3, 2, 4, 5}, 20, 33, 16, 0, 3},
    {{1, 9, 13, 21}, 24, 0, 8, 0, 3}, {{7, 1, 6, 5}, 8, 16, 33, 0, 1},  {{2, 3, 5, 6}, 18, 0, 20, 30, 3},
    {{1, 20, 3, 2}, 4, 0, 17, 16, 1}, {{1, 2, 30, 40}, 2, 1, 3, 0, 3},  {{1, 5, 19, 23}, 40, 0, 80, 0, 3},
};

class Winograd : public testing::TestWithParam<Case> {};

template <class T>
struct Convolution {
  Tensor<T> first, second, y, y2;
  Input<T> x;
  std::vector<Output<T>> outputs;
  Numbers<float> w;
  WinogradShape shape;

  explicit Convolution(const Case& c, std::uint32_t seed = 1) {
    const std::array<std::int64_t, 3> size{c.grid.d, c.grid.h, c.grid.w};
    shape = {{c.first, c.second}, {c.outputs, c.second_outputs}, c.kernel_d};
    first = Tensor<T>(c.grid.n, c.first, size, seed);
    x.first.x = first.view;
    if (c.second > 0) {
      second = Tensor<T>(c.grid.n, c.second, size, seed + 1);
      x.second.x = second.view;
    }
    y = Tensor<T>(c.grid.n, c.outputs, size, seed + 2);
    outputs.resize(1);
    outputs[0].y = y.view;
    if (c.second_outputs > 0) {
      y2 = Tensor<T>(c.grid.n, c.second_outputs, size, seed + 3);
      outputs.resize(2);
      outputs[1].y = y2.view;
    }
    w = random_numbers<float>((c.first + c.second) * (c.outputs + c.second_outputs) * c.kernel_d * 9, seed + 4);
  }
  std::vector<double> input() const {
    return x.second.x.data == nullptr ? first.values() : concatenated(first.values(), second.values(), first.view.n);
  }
  std::vector<double> output() const {
    return y2.memory.empty() ? y.values() : concatenated(y.values(), y2.values(), y.view.n);
  }
  void go(const WinogradPlan& plan, int threads = 1, bool transposed = false) {
    WinogradConv<T> conv(shape, plan);
    conv.set_weights(w.data(), transposed);
    Numbers<std::byte> workspace(static_cast<std::size_t>(conv.workspace(x, threads)), std::byte{0x7f});
    conv.run(x, outputs, threads, workspace.data());
  }
};

std::vector<double> convolved(const Case& c, const std::vector<double>& x, const Numbers<float>& w) {
  const std::int64_t outputs = c.outputs + c.second_outputs;
  std::vector<double> y(static_cast<std::size_t>(c.grid.n * outputs * c.grid.voxels()));
  for_each_product(c.grid, c.first + c.second, outputs, c.kernel_d,
                   [&](std::size_t i, std::size_t o, std::size_t k) { y[o] += x[i] * static_cast<double>(w[k]); });
  return y;
}

template <class T>
bool padding_is_zero(const Blocked<T>& x) {
  for (std::int64_t i = 0; i < x.size(); ++i)
    if (i / x.block() % x.blocks() * kBlock + i % kBlock >= x.channels && to_float(x.data[i]) != 0) return false;
  return true;
}

TEST_P(Winograd, MeetsTheDefinition) {
  Convolution<float> run(GetParam());
  const auto expected = convolved(GetParam(), run.input(), run.w);
  for (const Isa isa : isas())
    for (const int tile : {222, 224, 242, 422, 444}) {
      WinogradPlan plan;
      plan.tile[0] = tile / 100;
      plan.tile[1] = tile / 10 % 10;
      plan.tile[2] = tile % 10;
      plan.isa = isa;
      run.go(plan);
      EXPECT_LT(share_off(run.output(), expected), tile == 222 ? 1.5e-6 : 8e-6) << static_cast<int>(isa) << ' ' << tile;
      EXPECT_TRUE(padding_is_zero(run.y.view));
    }
}

TEST_P(Winograd, MeetsTheDefinitionInBfloat16) {
  Convolution<Bfloat16> run(GetParam());
  const auto expected = convolved(GetParam(), run.input(), run.w);
  for (const Isa isa : isas()) {
    WinogradPlan plan;
    plan.isa = isa;
    run.go(plan);
    EXPECT_LT(share_off(run.output(), expected), 4e-3) << static_cast<int>(isa);  // the result's rounding
    if (isa != Isa::avx512_bf16) continue;
    plan.bf16_products = true;
    run.go(plan);
    EXPECT_LT(share_off(run.output(), expected), 3e-2);
    EXPECT_TRUE(padding_is_zero(run.y.view));
  }
}

TEST_P(Winograd, DigitsDoNotDependOnThreads) {
  const Case& c = GetParam();
  Convolution<float> run(c);
  std::vector<Moments> moments(static_cast<std::size_t>(c.grid.n * run.y.view.blocks() * kBlock));
  run.outputs[0].moments = moments.data();
  run.go({}, 1);
  const auto y = run.y.memory;
  const auto expected = moments;
  for (int threads = 2; threads <= 4; ++threads) {
    run.go({}, threads);
    EXPECT_EQ(std::memcmp(y.data(), run.y.memory.data(), y.size() * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(moments.data(), expected.data(), moments.size() * sizeof(Moments)), 0);
  }
}

TEST_P(Winograd, GradientByTheData) {
  // <y', conv(x)> = <conv'(y'), x> for all: the convolution turned around, two outputs where there were two inputs.
  const Case& c = GetParam();
  const Case turned{c.grid, c.outputs, c.second_outputs, c.first, c.second, c.kernel_d};
  Convolution<float> run(turned);
  std::vector<double> expected(static_cast<std::size_t>(c.grid.n * (c.first + c.second) * c.grid.voxels()));
  const auto dy = run.input();
  for_each_product(
      c.grid, c.first + c.second, c.outputs + c.second_outputs, c.kernel_d,
      [&](std::size_t i, std::size_t o, std::size_t k) { expected[i] += dy[o] * static_cast<double>(run.w[k]); });
  run.go({}, 2, true);
  EXPECT_LT(share_off(run.output(), expected), 1.5e-6);
}

template <class T>
void expect_weight_gradient(const Case& c) {
  Convolution<T> run(c);
  Input<T> dy;
  dy.first.x = run.y.view;
  if (c.second_outputs > 0) dy.second.x = run.y2.view;
  const auto x = run.input(), gradient = run.output();
  std::vector<double> expected(run.w.size());
  for_each_product(c.grid, c.first + c.second, c.outputs + c.second_outputs, c.kernel_d,
                   [&](std::size_t i, std::size_t o, std::size_t k) { expected[k] += x[i] * gradient[o]; });
  for (const Isa isa : isas()) {
    const WinogradGradient<T> by_weights(run.shape, isa);
    Numbers<float> first;
    for (int threads = 1; threads <= (isa == chosen_isa() ? 4 : 1); ++threads) {
      Numbers<float> dw(run.w.size(), -1);
      Numbers<std::byte> workspace(static_cast<std::size_t>(by_weights.workspace(run.x, threads)), std::byte{0x7f});
      by_weights.run(run.x, dy, dw.data(), threads, workspace.data());
      const bool bf16_products = sizeof(T) == 2 && isa == Isa::avx512_bf16;
      EXPECT_LT(share_off({dw.begin(), dw.end()}, expected), bf16_products ? 2e-2 : 2e-6) << static_cast<int>(isa);
      if (threads == 1) first = dw;
      EXPECT_EQ(std::memcmp(first.data(), dw.data(), dw.size() * sizeof(float)), 0);
    }
  }
}
TEST_P(Winograd, GradientByTheWeights) {
  expect_weight_gradient<float>(GetParam());
  expect_weight_gradient<Bfloat16>(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Cases, Winograd, testing::ValuesIn(kCases));

/// z = x * scale + shift, then LeakyReLU, in double precision, over (N,C,voxels).
std::vector<double> activated(const std::vector<double>& x, const Numbers<float>& scale, const Numbers<float>& shift,
                              std::int64_t channels, std::int64_t voxels, double slope) {
  std::vector<double> z(x.size());
  const std::int64_t row = blocks_of(channels) * kBlock;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto plane = static_cast<std::int64_t>(i) / voxels;
    const auto k = static_cast<std::size_t>(plane / channels * row + plane % channels);
    z[i] = x[i] * static_cast<double>(scale[k]) + static_cast<double>(shift[k]);
    if (z[i] < 0) z[i] *= slope;
  }
  return z;
}
Numbers<float> rows(std::int64_t n, std::int64_t channels, std::uint32_t seed) {
  const std::int64_t row = blocks_of(channels) * kBlock;
  Numbers<float> r = random_numbers<float>(n * row, seed);
  for (std::size_t i = 0; i < r.size(); ++i)
    if (static_cast<std::int64_t>(i) % row >= channels) r[i] = 0;
  return r;
}

TEST(WinogradFusion, NormalisesOnLoadOfBothSources) {
  const Case c{{2, 5, 6, 7}, 20, 9, 24, 0, 3};
  Convolution<float> run(c);
  const Numbers<float> scale = rows(2, 20, 11), shift = rows(2, 20, 12), scale2 = rows(2, 9, 13),
                       shift2 = rows(2, 9, 14);
  run.x.first.scale = scale.data();
  run.x.first.shift = shift.data();
  run.x.first.slope = 0.01f;
  run.x.second.scale = scale2.data();
  run.x.second.shift = shift2.data();
  run.x.second.slope = 0.25f;
  const auto z = concatenated(activated(run.first.values(), scale, shift, 20, c.grid.voxels(), 0.01),
                              activated(run.second.values(), scale2, shift2, 9, c.grid.voxels(), 0.25), 2);
  for (const Isa isa : isas()) {
    WinogradPlan plan;
    plan.isa = isa;
    run.go(plan, 3);
    EXPECT_LT(share_off(run.output(), convolved(c, z, run.w)), 2e-6);
  }
}

TEST(WinogradFusion, AddsASecondTensorOnLoad) {
  const Case c{{2, 3, 4, 9}, 18, 0, 5, 0, 3};
  Convolution<float> run(c);
  const Tensor<float> with(2, 18, {3, 4, 9}, 77);
  const Numbers<float> scale = rows(2, 18, 11), shift = rows(2, 18, 12), with_scale = rows(2, 18, 13);
  run.x.first.scale = scale.data();
  run.x.first.shift = shift.data();
  run.x.first.with = with.view.data;
  run.x.first.with_scale = with_scale.data();
  auto z = activated(run.first.values(), scale, shift, 18, c.grid.voxels(), 1);
  const auto more = activated(with.values(), with_scale, Numbers<float>(with_scale.size(), 0), 18, c.grid.voxels(), 1);
  for (std::size_t i = 0; i < z.size(); ++i) z[i] += more[i];
  run.go({});
  EXPECT_LT(share_off(run.output(), convolved(c, z, run.w)), 2e-6);
}

template <class T>
void expect_moments(float mean) {
  const Case c{{3, 6, 9, 17}, 4, 0, 19, 0, 3};
  Convolution<T> run(c);
  Numbers<float> bias(32, 0);
  std::fill_n(bias.begin(), 19, mean);
  std::vector<Moments> moments(3 * 32, Moments{-1, -1});
  run.outputs[0].bias = bias.data();
  run.outputs[0].moments = moments.data();
  run.go({}, 2);
  const auto y = run.output();
  const auto voxels = static_cast<std::size_t>(c.grid.voxels());
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t k = 0; k < 32; ++k) {
      double sum = 0, square = 0;
      if (k < 19) {
        for (std::size_t v = 0; v < voxels; ++v) sum += y[(n * 19 + k) * voxels + v];
        sum /= static_cast<double>(voxels);
        for (std::size_t v = 0; v < voxels; ++v) square += std::pow(y[(n * 19 + k) * voxels + v] - sum, 2);
      }
      const Moments& m = moments[n * 32 + k];
      const double variance = square / static_cast<double>(voxels), off = sizeof(T) == 4 ? 1e-5 : 2e-2;
      EXPECT_NEAR(m.mean, sum, off * (std::sqrt(variance) + 0.1 * std::abs(sum))) << k;
      EXPECT_NEAR(m.variance, variance, 4 * off * variance) << k;
    }
}
TEST(WinogradFusion, MomentsOfWhatIsWritten) {
  expect_moments<float>(0);
  expect_moments<Bfloat16>(0);
}
TEST(WinogradFusion, VarianceSurvivesALargeMean) {
  expect_moments<float>(300);
}

TEST(WinogradFusion, AddsOntoTheOutputAndThroughTheNorm) {
  const Case c{{2, 4, 5, 6}, 7, 0, 21, 0, 3};
  Convolution<float> run(c);
  const Tensor<float> x(2, 21, {4, 5, 6}, 31);
  const Numbers<float> rstd = rows(2, 21, 32), offset = rows(2, 21, 33), gamma = rows(1, 21, 34),
                       beta = rows(1, 21, 35);
  std::vector<double> sums(2 * 32 * 2, -1);
  auto expected = convolved(c, run.input(), run.w);
  const auto before = run.output(), values = x.values();
  run.outputs[0].add = true;
  run.outputs[0].through = {x.view.data, rstd.data(), offset.data(), gamma.data(), beta.data(), 0.125f, sums.data()};
  run.go({}, 2);
  std::vector<double> expected_sums(sums.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t plane = i / static_cast<std::size_t>(c.grid.voxels()), k = plane / 21 * 32 + plane % 21;
    const double xhat = values[i] * static_cast<double>(rstd[k]) + static_cast<double>(offset[k]);
    expected[i] += before[i];
    if (xhat * static_cast<double>(gamma[plane % 21]) + static_cast<double>(beta[plane % 21]) < 0) expected[i] *= 0.125;
    expected_sums[2 * k] += expected[i];
    expected_sums[2 * k + 1] += expected[i] * xhat;
  }
  EXPECT_LT(share_off(run.output(), expected), 2e-6);
  EXPECT_LT(share_off(sums, expected_sums), 1e-5);
}

TEST(WinogradNumbers, DenormalsAndInfinitiesStayLocal) {
  const Case c{{1, 1, 12, 12}, 1, 0, 1, 0, 1};
  Convolution<float> run(c);
  for (auto& v : run.first.memory) v *= 1e-40f;
  const auto expected = convolved(c, run.input(), run.w);
  run.go({});
  EXPECT_LT(share_off(run.output(), expected), 1e-4);
  run.first.memory[0] = INFINITY;
  run.go({});
  EXPECT_TRUE(std::isfinite(run.output().back()));
  EXPECT_FALSE(std::isfinite(run.output().front()));
}

TEST(WinogradPlans, AreChecked) {
  EXPECT_THROW(WinogradConv<float>({{1, 0}, {1, 0}, 5}), Error);
  EXPECT_THROW(WinogradConv<float>({{0, 0}, {1, 0}, 3}), Error);
  WinogradPlan plan;
  plan.tile[1] = 3;
  EXPECT_THROW(WinogradConv<float>({{1, 0}, {1, 0}, 3}, plan), Error);
  plan = {};
  plan.bf16_products = true;
  plan.isa = Isa::portable;
  EXPECT_THROW(WinogradConv<Bfloat16>({{1, 0}, {1, 0}, 3}, plan), Error);
}

TEST(WinogradPlans, KeepToTheErrorBudget) {
  const WinogradShape shape{{32, 0}, {32, 0}, 3};
  for (const Isa isa : isas()) {
    const WinogradPlan plan = winograd_plan(shape, {40, 56, 40}, false, isa);
    EXPECT_EQ(plan.tile[0] * plan.tile[1] * plan.tile[2], 8);  // float32 tensors: no larger tiles, no bfloat16
    EXPECT_FALSE(plan.bf16_products);
    EXPECT_EQ(plan.isa, isa);
    const auto larger = [&](const std::array<std::int64_t, 3>& size) {
      const WinogradPlan p = winograd_plan(shape, size, false, isa, WinogradErrors::as_plain_sums);
      return std::array{p.tile[0], p.tile[1], p.tile[2]};
    };
    EXPECT_EQ(larger({40, 56, 40}), (std::array{2, 4, 4}));
    EXPECT_EQ(larger({10, 14, 10}), (std::array{2, 2, 2}));  // too much beyond the borders
    EXPECT_EQ(larger({1, 8, 8}), (std::array{2, 2, 2}));     // too few tiles
    EXPECT_EQ(winograd_plan(shape, {40, 56, 40}, true, isa).tile[0], 4);
    EXPECT_EQ(winograd_plan(shape, {5, 7, 5}, true, isa).bf16_products, isa == Isa::avx512_bf16);
  }
}

TEST(BlockedLayout, PacksAndUnpacksBothLayouts) {
  for (const std::int64_t channels : {1, 16, 21, 40}) {
    Numbers<Bfloat16> blocked(static_cast<std::size_t>(2 * blocks_of(channels) * 16 * 105));
    const Blocked<Bfloat16> view{blocked.data(), 2, channels, 3, 5, 7};
    const auto x = random_numbers<Bfloat16>(2 * channels * 105, 5);
    for (const Layout layout : {Layout::channels_first, Layout::channels_last}) {
      pack(x.data(), layout, view);
      EXPECT_TRUE(padding_is_zero(view));
      Numbers<float> back(x.size());
      unpack<Bfloat16>(Blocked<const Bfloat16>(view), back.data(), layout);
      EXPECT_EQ(back, floats(x));
      const std::int64_t c = channels - 1, voxel = 52;  // of sample 1
      const auto at = layout == Layout::channels_first ? (channels + c) * 105 + voxel : (105 + voxel) * channels + c;
      EXPECT_EQ(to_float(view.at(1, c / 16)[voxel * 16 + c % 16]), back[static_cast<std::size_t>(at)]);
    }
  }
}

}  // namespace
}  // namespace nnunet::test
