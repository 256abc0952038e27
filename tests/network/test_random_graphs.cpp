// Networks that nobody has drawn: the native engine beside torch's operators in double precision.
#include <gtest/gtest.h>

#include "nnunet/native/native_network.h"
#include "reference/random_plan.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

/// A few voxels at the bottom.
torch::Tensor small_images(const NetworkPlan& plan) {
  std::vector<std::int64_t> shape{2, plan.in_channels};
  for (const std::int64_t stride : total_stride(plan)) shape.push_back(stride * (shape.size() == 2 ? 3 : 4));
  torch::manual_seed(3);
  return torch::randn(shape);
}

/// Another weight for each value of each head, so that no gradient is a sum that cancels.
std::vector<torch::Tensor> gradients_for(const std::vector<torch::Tensor>& heads) {
  std::vector<torch::Tensor> list;
  for (const auto& head : heads)
    list.push_back(torch::cos(torch::arange(head.numel()).to(torch::kFloat)).view_as(head));
  return list;
}

class RandomGraph : public testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomGraph, NativeIsTorchInDoublePrecision) {
  const NetworkPlan plan = test::random_plan(GetParam());
  UNet network(plan);
  network->initialize(GetParam());
  test::keep_off_kinks(*network);
  for (const auto& [name, norm] : network->norms()) {  // those that start at 0 would hide what lies before them
    const torch::NoGradGuard no_grad;
    norm->weight.fill_(1);
  }
  UNet precise = test::precise_copy(network);
  const torch::Tensor images = small_images(plan);
  const auto expected = precise->forward_heads(images.to(torch::kDouble));
  const auto dy = gradients_for(expected);
  torch::Tensor loss = torch::zeros({}, torch::kDouble);
  for (std::size_t i = 0; i < dy.size(); ++i) loss = loss + (expected[i] * dy[i].to(torch::kDouble)).sum();
  loss.backward();

  NativeOptions options;
  options.gradients = options.training = true;
  NativeNetwork native(plan, network->graph(), images.size(0), images.sizes().slice(2).vec(), options);
  ParameterValues values;
  ParameterGradients gradients;
  std::vector<torch::Tensor> found;
  std::vector<float*> logits;
  std::vector<const float*> logit_gradients;
  for (auto& item : network->named_parameters()) {
    values[item.key()] = item.value().const_data_ptr<float>();
    item.value().mutable_grad() = torch::zeros_like(item.value());
    gradients[item.key()] = item.value().mutable_grad().mutable_data_ptr<float>();
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    found.push_back(torch::zeros(expected[i].sizes()));
    logits.push_back(found.back().mutable_data_ptr<float>());
    logit_gradients.push_back(dy[i].const_data_ptr<float>());
  }
  native.set_parameters(values);
  native.forward(images.const_data_ptr<float>(), logits);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_LT(test::largest_share(found[i], expected[i].detach()), test::kFloat32Logits) << "head " << i;
  native.backward(logit_gradients, gradients);
  EXPECT_LT(test::gradient_error(*network, *precise), test::kFloat32GradientOffKinks);
}

TEST_P(RandomGraph, TheFinestHeadAloneIsTheSame) {
  const NetworkPlan plan = test::random_plan(GetParam());
  UNet network(plan);
  network->initialize(GetParam());
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = small_images(plan);
  EXPECT_TRUE(torch::equal(network->forward(images), network->forward_heads(images)[0]));
}

INSTANTIATE_TEST_SUITE_P(Ten, RandomGraph, testing::Range(1U, 11U));

}  // namespace
}  // namespace nnunet
