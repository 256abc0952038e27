#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/native/native_network.h"
#include "nnunet/network/native.h"
#include "nnunet/torch_bridge/tensors.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor x = a.to(torch::kDouble), y = b.to(torch::kDouble);
  return ((x - y).norm() / (y.norm() + 1e-30)).item<double>();
}

class Native : public testing::TestWithParam<std::string> {};

TEST_P(Native, ParametersAreTheNetworks) {
  const NetworkPlan plan = test::reference_plan(test::reference_networks().at(GetParam()));
  const UNet network(plan);
  const std::vector<NetworkParameter> found = network_parameters(network->graph(), plan.naming);
  const auto expected = network->named_parameters();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].key());
    EXPECT_EQ(found[i].shape, expected[i].value().sizes().vec()) << found[i].name;
  }
}

/// A few voxels at the bottom, not as many along each axis.
torch::Tensor small_images(const NetworkPlan& plan, std::uint64_t seed = 3) {
  std::vector<std::int64_t> shape{2, plan.in_channels};
  for (const std::int64_t stride : total_stride(plan)) shape.push_back(stride * (shape.size() == 2 ? 3 : 2));
  torch::manual_seed(seed);
  return torch::randn(shape);
}

torch::Tensor loss_of(const torch::Tensor& logits) {
  return (torch::sin(logits) * torch::cos(torch::arange(logits.numel(), logits.options()).view_as(logits))).sum();
}

/// All gradients in a row.
torch::Tensor gradients_of(const UNetImpl& network) {
  std::vector<torch::Tensor> flat;
  for (const auto& p : network.parameters()) flat.push_back(p.grad().to(torch::kDouble).flatten());
  return torch::cat(flat);
}

/// The native engine beside double precision, with the gradients of loss_of in both networks.
struct Compared {
  Compared(const NetworkPlan& plan, std::uint64_t seed, bool off_kinks = false) : network(plan) {
    network->initialize(5);
    if (off_kinks) test::keep_off_kinks(*network);
    precise = test::precise_copy(network);
    images = small_images(plan, seed);
    expected = precise->forward(images.to(torch::kDouble));
    found = run(false);
    loss_of(expected).backward();
  }

  /// Logits; the network has their gradients.
  torch::Tensor run(bool bf16) {
    network->zero_grad();
    NativeForward native(network);
    const torch::Tensor logits = native.forward(images, bf16);
    loss_of(logits).backward();
    return logits;
  }
  double logits_error() const { return test::largest_share(found, expected); }
  double gradient_error() const { return test::gradient_error(*network, *precise); }

  UNet network, precise{nullptr};
  torch::Tensor images, expected, found;
};

/// Without LeakyReLU, and with it off its kinks, every parameter's gradient is held against double precision.
void check_off_kinks(NetworkPlan plan) {
  const Compared rectified(plan, 3, true);
  EXPECT_LT(rectified.logits_error(), test::kFloat32Logits);
  EXPECT_LT(rectified.gradient_error(), test::kFloat32GradientOffKinks);
  plan.negative_slope = 1;
  const Compared smooth(plan, 3);
  EXPECT_LT(smooth.logits_error(), test::kFloat32Logits);
  EXPECT_LT(smooth.gradient_error(), test::kFloat32Gradient);
}

/// A rounding that decides at a kink changes a gradient; a wrong derivative would change all of them by their size.
void check_at_kinks(const NetworkPlan& plan) {
  Compared c(plan, 1);
  EXPECT_LT(c.logits_error(), test::kFloat32Logits);
  EXPECT_LT(c.gradient_error(), test::kFloat32GradientAtKinks);
  // bf16 keeps 8 bits (2e-3), after some layers 1e-2; and of a hundred values a few cross a kink: the root of that.
  EXPECT_LT(distance(c.run(true), c.expected), 0.05);
  EXPECT_LT(distance(gradients_of(*c.network), gradients_of(*c.precise)), 0.25);
}

TEST_P(Native, ForwardAndGradientsMatchDoublePrecision) {
  const NetworkPlan plan = test::reference_plan(test::reference_networks().at(GetParam()));
  check_off_kinks(plan);
  check_at_kinks(plan);
}

TEST_P(Native, OutputIsTheReferences) {
  const Json reference = test::reference_networks().at(GetParam());
  UNet network = test::reference_network(reference);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = test::reference_images(reference);
  const torch::Tensor expected = test::precise_copy(network)->forward(images.to(torch::kDouble));
  NativeForward native(network);
  EXPECT_LT(test::largest_share(native.forward(images, false), expected), test::kFloat32Logits);
}

TEST(NativeNetwork, IdentityShortcutsNegativeSlopesAndOtherKernels) {
  NetworkPlan plan;
  plan.dim = 3;
  plan.in_channels = 20;
  plan.n_class = 7;
  plan.filters = {20, 20, 37};
  plan.kernels = {{3, 3, 3}, {1, 3, 3}, {5, 3, 1}};
  plan.strides = {{1, 1, 1}, {1, 1, 1}, {2, 1, 2}};
  plan.residual = true;
  check_off_kinks(plan);
  plan.negative_slope = -0.3;
  check_off_kinks(plan);
  check_at_kinks(plan);
}

TEST(NativeNetwork, BatchNormTracksStatisticsAndUsesThemInEvaluation) {
  NetworkOptions options;
  options.norm = Norm::batch;
  const NetworkPlan plan = make_network_plan({16, 16}, {1.0, 1.0}, 2, 3, options);
  UNet network(plan), eager(plan);
  network->initialize(1);
  eager->initialize(1);
  const torch::NoGradGuard no_grad;
  NativeForward native(network);
  const torch::Tensor images = small_images(plan);
  EXPECT_LT(distance(native.forward(images, false), eager->forward(images)), 1e-5);
  const auto found = state_dict(*network), expected = state_dict(*eager);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_LT(distance(to_torch(found[i].second), to_torch(expected[i].second)), 1e-5) << found[i].first;
  network->eval();
  eager->eval();
  EXPECT_LT(distance(native.forward(images, false), eager->forward(images)), 1e-5);
}

TEST(NativeNetwork, SeesWeightsThatAnOptimizerWroteIntoMemory) {
  UNet network(make_network_plan({16, 16}, {1.0, 1.0}, 1, 2, {}));
  network->initialize(1);
  NativeForward native(network);
  const torch::Tensor images = torch::rand({1, 1, 16, 16});
  const auto infer = [&] {
    const torch::NoGradGuard no_grad;
    return native.forward(images, false);
  };
  const torch::Tensor before = infer();
  native.forward(images, false).sum().backward();
  network->parameters()[0].mutable_data_ptr<float>()[0] += 1;
  EXPECT_FALSE(torch::allclose(infer(), before));
  const torch::NoGradGuard no_grad;
  EXPECT_LT(distance(infer(), network->forward(images)), 1e-5);
}

TEST(NativeNetwork, RefusesWhatItDoesNotCompute) {
  NetworkOptions options;
  options.norm = Norm::batch;
  UNet network(make_network_plan({16, 16}, {1.0, 1.0}, 1, 2, options));
  network->initialize(1);
  NativeForward native(network);
  EXPECT_THROW(native.forward(torch::zeros({1, 1, 16, 18}), false), Error);
  const torch::Tensor sum = native.forward(torch::rand({1, 1, 16, 16}), false).sum();
  sum.backward({}, /*retain_graph=*/true);
  EXPECT_THROW(sum.backward(), Error);
  network->eval();
  EXPECT_THROW(native.forward(torch::zeros({1, 1, 16, 16}), false), Error);
}

TEST_P(Native, RefreshesItsWeightsAndIsAsDeterministicAsItsShape) {
  const Json reference = test::reference_networks().at(GetParam());
  UNet network(test::reference_plan(reference));
  network->initialize(5);
  network->eval();
  NativeForward native(network);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = small_images(network->plan());
  const int threads = torch::get_num_threads();
  const torch::Tensor first = native.forward(images, false);
  for (const int count : {1, 3, 4}) {
    torch::set_num_threads(count);
    EXPECT_TRUE(torch::equal(native.forward(images, false), first)) << count << " threads";
  }
  torch::set_num_threads(threads);
  network->parameters()[0].mul_(-1.5);
  const torch::Tensor changed = native.forward(images, false);
  EXPECT_FALSE(torch::allclose(changed, first));
  EXPECT_LT(distance(changed, network->forward(images)), 1e-4);
  EXPECT_GT(native.bytes(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Native, testing::ValuesIn(test::kReferenceNetworks),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace nnunet
