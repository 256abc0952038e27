#include <gtest/gtest.h>

#include <string>

#include "kernels/cuda/norm_act_stages.h"
#include "numbers.h"
#include "run_stages.h"

// The CUDA kernels' stages, run on the CPU, beside the CPU's own kernels.
namespace nnunet::kernels::cuda {
namespace {

using test::deviation;
using test::Numbers;
using test::random_numbers;

template <class T>
struct Values {
  Numbers<T> y, dx;
  Numbers<float> mean, rstd, dgamma, dbeta;
};

template <class T>
struct Example {
  NormShape shape;
  Numbers<T> x, dy;
  Numbers<float> gamma, beta;

  Example(const NormShape& s, float mean)
      : shape(s),
        x(random_numbers<T>(size(), 1, mean, 3)),
        dy(random_numbers<T>(size(), 2)),
        gamma(random_numbers<float>(s.channels, 3)),
        beta(random_numbers<float>(s.channels, 4)) {}

  std::int64_t size() const { return shape.samples * shape.channels * shape.voxels; }
  NormParameters parameters() const { return {gamma.data(), beta.data(), 1e-5f, 0.01f}; }
  Values<T> room() const {
    const auto n = static_cast<std::size_t>(size()), c = static_cast<std::size_t>(shape.channels);
    const auto s = static_cast<std::size_t>(shape.samples) * c;
    return {Numbers<T>(n), Numbers<T>(n), Numbers<float>(s), Numbers<float>(s), Numbers<float>(c), Numbers<float>(c)};
  }
};

/// What the kernels of norm_act.cu do; y in place of x and dx in place of dy.
template <class T, int kPack>
Values<T> in_stages(const Example<T>& e, const test::GridOrder& order) {
  const Tiles tiles = make_tiles(e.shape, kPack);
  const std::int64_t statistics = tiles.statistics();
  Numbers<std::byte> workspace(static_cast<std::size_t>(workspace_bytes(tiles)));
  const NormParameters p = e.parameters();
  Values<T> v = e.room();
  v.y = e.x;
  auto* partial = reinterpret_cast<float*>(workspace.data());
  test::run_stages(order, Moments<T, kPack>{tiles, v.y.data(), partial},
                   Statistics<T>{tiles, statistics, v.y.data(), partial, p.epsilon, v.mean.data(), v.rstd.data()},
                   Apply<T, kPack>{tiles, v.y.data(), v.y.data(), v.mean.data(), v.rstd.data(), p});
  v.dx = e.dy;
  auto* const total = reinterpret_cast<double*>(workspace.data());
  partial = reinterpret_cast<float*>(total + 2 * statistics);
  test::run_stages(order,
                   GradientSums<T, kPack>{tiles, e.x.data(), v.dx.data(), v.mean.data(), v.rstd.data(), p, partial},
                   GradientTotals{statistics, tiles.pieces, partial, total},
                   Gradient<T, kPack>{tiles, statistics, e.x.data(), v.dx.data(), v.dx.data(), v.mean.data(),
                                      v.rstd.data(), p, total, v.dgamma.data(), v.dbeta.data()});
  return v;
}

/// float32 whatever T is.
template <class T>
Values<float> expected(const Example<T>& e) {
  const Numbers<float> x = test::floats(e.x), dy = test::floats(e.dy);
  const NormParameters p = e.parameters();
  Values<float> v = Example<float>(e.shape, 0).room();
  norm_act_forward(x.data(), v.y.data(), v.mean.data(), v.rstd.data(), e.shape, p);
  norm_act_backward(x.data(), dy.data(), v.dx.data(), v.dgamma.data(), v.dbeta.data(), v.mean.data(), v.rstd.data(),
                    e.shape, p);
  return v;
}

std::string describe(const NormShape& s) {
  return std::to_string(s.samples) + "x" + std::to_string(s.channels) + "x" + std::to_string(s.voxels) +
         (s.layout == Layout::channels_last ? " channels last" : " channels first");
}

template <class T, int kPack>
void compare(const NormShape& shape) {
  if (!pack_fits(shape, kPack)) return;
  const std::string name = describe(shape) + " pack " + std::to_string(kPack);
  const Example<T> e(shape, 1.5f);
  const Values<T> v = in_stages<T, kPack>(e, {});
  const Values<float> truth = expected(e);
  EXPECT_LT(deviation(v.mean, truth.mean), test::rounding<float>()) << name;
  EXPECT_LT(deviation(v.rstd, truth.rstd), test::rounding<float>()) << name;
  EXPECT_LT(deviation(v.y, truth.y), test::rounding<T>()) << name;
  // Over one or two voxels the gradient all but vanishes: what is left are roundings of what cancels.
  const bool cancels = shape.voxels <= 2;
  EXPECT_LT(deviation(v.dx, truth.dx), cancels ? 2e-3 : 3 * test::rounding<T>()) << name;
  EXPECT_LT(deviation(v.dgamma, truth.dgamma), 1e-5) << name;
  EXPECT_LT(deviation(v.dbeta, truth.dbeta), 1e-5) << name;

  const Values<T> other = in_stages<T, kPack>(e, {7, true});
  EXPECT_EQ(test::floats(v.y), test::floats(other.y)) << name;
  EXPECT_EQ(test::floats(v.dx), test::floats(other.dx)) << name;
  EXPECT_EQ(v.dgamma, other.dgamma) << name;
}

std::vector<NormShape> shapes() {
  // The last ones: several pieces a row, more channels than threads.
  const std::vector<NormShape> sizes{{2, 32, 990}, {1, 16, 3600}, {3, 20, 175}, {1, 1, 120},   {2, 48, 323},
                                     {1, 3, 2145}, {2, 7, 2},     {1, 320, 18}, {2, 16, 13},   {1, 8, 1},
                                     {1, 5, 9000}, {2, 32, 1500}, {2, 300, 40}, {1, 2056, 16}, {70, 40, 64}};
  std::vector<NormShape> all;
  for (NormShape s : sizes)
    for (const Layout layout : {Layout::channels_first, Layout::channels_last}) {
      s.layout = layout;
      all.push_back(s);
    }
  return all;
}

TEST(CudaNormAct, AgreesWithTheCpusKernels) {
  for (const NormShape& s : shapes()) {
    compare<float, 1>(s);
    compare<float, 4>(s);
    compare<Bfloat16, 1>(s);
    compare<Bfloat16, 8>(s);
    compare<Half, 8>(s);
  }
}

TEST(CudaNormAct, VarianceIsExactBesideALargeMean) {
  for (const Layout layout : {Layout::channels_first, Layout::channels_last}) {
    const Example<float> e({1, 32, 1728, layout}, 1000);
    const Values<float> v = in_stages<float, 4>(e, {}), truth = expected(e);
    EXPECT_LT(deviation(v.rstd, truth.rstd), 1e-5);
    EXPECT_LT(deviation(v.y, truth.y), 2e-4);
  }
}

TEST(CudaNormAct, NotANumberComesThrough) {
  Example<Bfloat16> e({1, 16, 64, Layout::channels_last}, 0);
  e.x[16 * 5 + 3] = {0x7fc0};
  const Values<Bfloat16> v = in_stages<Bfloat16, 8>(e, {});
  EXPECT_TRUE(std::isnan(to_float(v.y[3])));
  EXPECT_FALSE(std::isnan(to_float(v.y[4])));
}

}  // namespace
}  // namespace nnunet::kernels::cuda
