#include <gtest/gtest.h>
#include <omp.h>

#include "nnunet/network/memory_format.h"
#include "nnunet/network/norm_act.h"

namespace nnunet {
namespace {

constexpr double kEpsilon = 1e-5, kSlope = 0.01;

struct Case {
  std::vector<std::int64_t> shape;  ///< (N,C,spatial)
  torch::ScalarType type;
  bool channels_last;
};

std::string describe(const Case& c) {
  std::ostringstream text;
  text << c10::IntArrayRef(c.shape) << " " << c.type << (c.channels_last ? " channels last" : " contiguous");
  return text.str();
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const std::vector<std::vector<std::int64_t>> shapes{{2, 32, 9, 10, 11}, {1, 16, 40, 30, 3}, {3, 20, 5, 7, 5},
                                                      {1, 1, 4, 5, 6},    {2, 48, 17, 19},    {1, 3, 33, 65},
                                                      {2, 7, 1, 2},       {1, 320, 3, 3, 2},  {2, 16, 13}};
  for (const auto& shape : shapes)
    for (const auto type : {torch::kFloat, torch::kBFloat16})
      for (const bool last : {false, true})
        if (!last || shape.size() > 3) all.push_back({shape, type, last});
  return all;
}

torch::Tensor random_input(const Case& c) {
  torch::Tensor x = torch::randn(c.shape) * 3 + 1.5;
  if (c.channels_last) x = x.contiguous(channels_last_format(x.dim()));
  return x.to(c.type);
}

struct Result {
  torch::Tensor y, dx, dgamma, dbeta;
};

/// Value and gradients for the output's gradient dy.
template <class Operator>
Result run(const Operator& op, torch::Tensor x, torch::Tensor gamma, torch::Tensor beta, const torch::Tensor& dy) {
  x = x.detach().requires_grad_();
  gamma = gamma.detach().requires_grad_();
  beta = beta.detach().requires_grad_();
  const torch::Tensor y = op(x, gamma, beta, kEpsilon, kSlope);
  y.backward(dy.to(y.scalar_type()));
  return {y.detach(), x.grad(), gamma.grad(), beta.grad()};
}

/// Largest difference, as a share of the expected values' largest.
double deviation(const torch::Tensor& a, const torch::Tensor& expected) {
  const double scale = std::max(1e-3, expected.abs().max().item<double>());
  return (a.to(torch::kDouble) - expected).abs().max().item<double>() / scale;
}

TEST(InstanceNormAct, AgreesWithTorchInDoublePrecision) {
  torch::manual_seed(5);
  for (const Case& c : cases()) {
    const torch::Tensor x = random_input(c), gamma = torch::randn({c.shape[1]}), beta = torch::randn({c.shape[1]});
    const torch::Tensor dy = torch::randn(c.shape).to(c.type);
    const Result fast = run(instance_norm_act, x, gamma, beta, dy);
    const Result plain = run(plain_instance_norm_act, x.to(torch::kDouble), gamma.to(torch::kDouble),
                             beta.to(torch::kDouble), dy.to(torch::kDouble));
    EXPECT_EQ(fast.y.scalar_type(), c.type);
    EXPECT_EQ(fast.y.strides(), x.strides());
    // bf16 has 8 bits; sums are float32 even there.
    const double tolerance = c.type == torch::kFloat ? 2e-6 : 4e-3;
    EXPECT_LT(deviation(fast.y, plain.y), tolerance) << describe(c);
    // Over two voxels the gradient all but vanishes: what is left are roundings of what cancels.
    const bool cancels = x.numel() / (c.shape[0] * c.shape[1]) == 2;
    EXPECT_LT(deviation(fast.dx, plain.dx), cancels ? 2e-3 : 5 * tolerance) << describe(c);
    EXPECT_LT(deviation(fast.dgamma, plain.dgamma), 1e-5) << describe(c);
    EXPECT_LT(deviation(fast.dbeta, plain.dbeta), 1e-5) << describe(c);
  }
}

TEST(InstanceNormAct, TakesInputThatIsNotContiguous) {
  torch::manual_seed(6);
  const torch::Tensor wide = torch::randn({2, 24, 6, 7, 8}), x = wide.slice(1, 3, 22).slice(4, 1, 7);
  const torch::Tensor gamma = torch::randn({19}), beta = torch::randn({19}), dy = torch::randn({2, 19, 6, 7, 12});
  const torch::Tensor thin = dy.slice(4, 0, 12, 2);
  const Result fast = run(instance_norm_act, x, gamma, beta, thin);
  const Result plain = run(plain_instance_norm_act, x.to(torch::kDouble), gamma.to(torch::kDouble),
                           beta.to(torch::kDouble), thin.to(torch::kDouble));
  EXPECT_LT(deviation(fast.y, plain.y), 2e-6);
  EXPECT_LT(deviation(fast.dx, plain.dx), 1e-5);
}

TEST(InstanceNormAct, WithoutGradientsIsTheSame) {
  torch::manual_seed(7);
  for (const Case& c : cases()) {
    const torch::Tensor x = random_input(c), gamma = torch::randn({c.shape[1]}), beta = torch::randn({c.shape[1]});
    const torch::Tensor trained = instance_norm_act(x, gamma.clone().requires_grad_(), beta, kEpsilon, kSlope);
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::equal(instance_norm_act(x.clone(), gamma, beta, kEpsilon, kSlope), trained)) << describe(c);
  }
}

TEST(InstanceNormAct, SlopeOneLeavesOutTheRectifier) {
  torch::manual_seed(8);
  const torch::Tensor x = torch::randn({2, 16, 9, 9}), gamma = torch::randn({16}), beta = torch::randn({16});
  const torch::Tensor y = instance_norm_act(x.clone(), gamma, beta, kEpsilon, 1);
  EXPECT_TRUE(torch::allclose(y, at::instance_norm(x, gamma, beta, {}, {}, true, 0.1, kEpsilon, false), 1e-5, 1e-5));
}

TEST(InstanceNormAct, VarianceIsExactBesideALargeMean) {
  torch::manual_seed(9);
  for (const bool last : {false, true}) {
    torch::Tensor x = torch::randn({1, 32, 12, 12, 12}) + 1000;
    if (last) x = x.contiguous(torch::MemoryFormat::ChannelsLast3d);
    const torch::Tensor one = torch::ones({32}), zero = torch::zeros({32});
    const torch::Tensor plain = plain_instance_norm_act(x.to(torch::kDouble), one.to(torch::kDouble),
                                                        zero.to(torch::kDouble), kEpsilon, kSlope);
    // x itself is rounded to 6e-5 here.
    EXPECT_LT(deviation(instance_norm_act(x.clone(), one, zero, kEpsilon, kSlope), plain), 2e-4);
  }
}

TEST(InstanceNormAct, DigitsDoNotDependOnTheThreads) {
  torch::manual_seed(10);
  const int threads = omp_get_max_threads();
  for (const bool last : {false, true}) {
    torch::Tensor x = torch::randn({2, 32, 16, 17, 18});
    if (last) x = x.contiguous(torch::MemoryFormat::ChannelsLast3d);
    const torch::Tensor gamma = torch::randn({32}), beta = torch::randn({32}), dy = torch::randn_like(x);
    omp_set_num_threads(1);
    const Result one = run(instance_norm_act, x, gamma, beta, dy);
    omp_set_num_threads(3);
    const Result three = run(instance_norm_act, x, gamma, beta, dy);
    omp_set_num_threads(threads);
    EXPECT_TRUE(torch::equal(one.y, three.y));
    EXPECT_TRUE(torch::equal(one.dx, three.dx));
    EXPECT_TRUE(torch::equal(one.dgamma, three.dgamma));
  }
}

TEST(InstanceNormAct, OnAGpuAgreesWithTorchInDoublePrecision) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU";
  torch::manual_seed(5);
  for (const Case& c : cases()) {
    for (const auto type : {c.type, torch::kHalf}) {
      const torch::Tensor x = random_input(c).to(type), dy = torch::randn(c.shape).to(type);
      const torch::Tensor gamma = torch::randn({c.shape[1]}), beta = torch::randn({c.shape[1]});
      const Result gpu = run(instance_norm_act, x.cuda(), gamma.cuda(), beta.cuda(), dy.cuda());
      const Result plain = run(plain_instance_norm_act, x.to(torch::kDouble), gamma.to(torch::kDouble),
                               beta.to(torch::kDouble), dy.to(torch::kDouble));
      EXPECT_EQ(gpu.y.strides(), x.strides());
      const double tolerance = type == torch::kFloat ? 3e-6 : 4e-3;
      EXPECT_LT(deviation(gpu.y.cpu(), plain.y), tolerance) << describe(c);
      const bool cancels = x.numel() / (c.shape[0] * c.shape[1]) == 2;
      EXPECT_LT(deviation(gpu.dx.cpu(), plain.dx), cancels ? 2e-3 : 5 * tolerance) << describe(c);
      EXPECT_LT(deviation(gpu.dgamma.cpu(), plain.dgamma), 1e-5) << describe(c);
      EXPECT_LT(deviation(gpu.dbeta.cpu(), plain.dbeta), 1e-5) << describe(c);
    }
  }
}

TEST(InstanceNormAct, NotANumberComesThrough) {
  torch::Tensor x = torch::randn({1, 16, 8, 8}).to(torch::kBFloat16);
  x[0][3][2][2] = std::numeric_limits<float>::quiet_NaN();
  const torch::Tensor y = instance_norm_act(x, torch::ones({16}), torch::zeros({16}), kEpsilon, kSlope);
  EXPECT_TRUE(y[0][3].isnan().all().item<bool>());
  EXPECT_FALSE(y[0][4].isnan().any().item<bool>());
}

}  // namespace
}  // namespace nnunet
