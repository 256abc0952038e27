#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/native/native_unet.h"
#include "nnunet/network/native.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> kReferences{"hippocampus_3d", "brats_like_3d_residual", "anisotropic_3d",
                                           "hippocampus_2d", "batch_norm_3d",          "group_norm_2d"};

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor x = a.to(torch::kDouble), y = b.to(torch::kDouble);
  return ((x - y).norm() / (y.norm() + 1e-30)).item<double>();
}

/// A copy in double precision, by torch's operators.
UNet precise_copy(const UNet& network) {
  UNet copy(network->plan());
  copy->use_fused_kernels(false);
  copy->to(torch::kDouble);
  const torch::NoGradGuard no_grad;
  auto from = network->parameters(), to = copy->parameters();
  for (std::size_t i = 0; i < from.size(); ++i) to[i].copy_(from[i]);
  return copy;
}

class Native : public testing::TestWithParam<std::string> {};

TEST_P(Native, ParametersAreTheNetworks) {
  NNUNET_NEEDS_SHARED("reference/network.json");
  const NetworkPlan plan = test::reference_plan(test::reference_networks().at(GetParam()));
  const UNet network(plan);
  const std::vector<NamedShape> found = parameters_of(plan);
  const auto expected = network->named_parameters();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].key());
    EXPECT_EQ(found[i].shape, expected[i].value().sizes().vec()) << found[i].name;
  }
}

TEST_P(Native, ForwardAndGradientsMatchDoublePrecision) {
  NNUNET_NEEDS_SHARED("reference/network.json");
  const Json reference = test::reference_networks().at(GetParam());
  UNet network(test::reference_plan(reference));
  network->initialize(5);
  UNet precise = precise_copy(network), eager(network->plan());
  load_state_dict(*eager, state_dict(*network), "test");
  eager->use_fused_kernels(false);
  NativeForward native(network);
  const torch::Tensor images = test::reference_images(reference), seed = torch::randn_like(images.slice(1, 0, 1));

  const torch::Tensor expected = precise->forward(images.to(torch::kDouble)), plain = eager->forward(images),
                      found = native.forward(images, false), half = native.forward(images, true);
  const double error = distance(plain, expected);
  EXPECT_LT(distance(found, expected), 3 * error);
  EXPECT_LT(distance(half, expected), 0.05);

  const auto loss = [&](const torch::Tensor& logits) { return (torch::sin(logits) * seed.to(logits.dtype())).sum(); };
  loss(expected).backward();
  loss(plain).backward();
  loss(found).backward();
  const auto p = precise->named_parameters(), e = eager->named_parameters(), n = network->named_parameters();
  double scale = 0;
  for (const auto& item : p) scale = std::max(scale, item.value().grad().abs().max().item<double>());
  std::vector<torch::Tensor> fine;
  for (const auto& item : n) {
    const torch::Tensor& truth = p[item.key()].grad();
    const double own = distance(item.value().grad(), truth), theirs = distance(e[item.key()].grad(), truth);
    EXPECT_LT(own, 5 * theirs + 1e-5) << item.key();
    fine.push_back(item.value().grad().clone());
  }
  network->zero_grad();
  loss(half).backward();
  std::vector<torch::Tensor> flat, flat_half;
  for (std::size_t i = 0; i < fine.size(); ++i) {
    flat.push_back(fine[i].flatten());
    flat_half.push_back(n[i].value().grad().flatten());
  }
  EXPECT_LT(distance(torch::cat(flat_half), torch::cat(flat)), 0.2);
}

TEST_P(Native, RefreshesItsWeightsAndIsAsDeterministicAsItsShape) {
  NNUNET_NEEDS_SHARED("reference/network.json");
  const Json reference = test::reference_networks().at(GetParam());
  UNet network(test::reference_plan(reference));
  network->initialize(5);
  network->eval();
  NativeForward native(network);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = test::reference_images(reference);
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

INSTANTIATE_TEST_SUITE_P(All, Native, testing::ValuesIn(kReferences),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace nnunet
