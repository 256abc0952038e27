#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "nnunet/network/unet.h"

namespace nnunet {
namespace {

NetworkPlan small_plan(Norm norm, bool residual) {
  NetworkOptions options;
  options.norm = norm;
  options.residual = residual;
  options.filters = {32, 64, 64};
  options.depth = 2;
  return make_network_plan({16, 16, 16}, {1, 1, 1}, 1, 3, options);
}

struct Outcome {
  torch::Tensor logits;
  std::vector<torch::Tensor> gradients, buffers;
};

Outcome train_once(const NetworkPlan& plan, bool checkpointing, bool amp) {
  UNet network(plan);
  network->initialize(4);
  network->place(torch::kCPU);
  network->use_activation_checkpointing(checkpointing);
  torch::manual_seed(1);
  const torch::Tensor x = torch::randn({2, 1, 16, 16, 16});
  at::autocast::set_autocast_enabled(torch::kCPU, amp);
  at::autocast::set_autocast_dtype(torch::kCPU, torch::kBFloat16);
  Outcome o;
  o.logits = network->forward(x);
  at::autocast::set_autocast_enabled(torch::kCPU, false);
  at::autocast::clear_cache();
  o.logits.to(torch::kFloat).square().sum().backward();
  for (const auto& p : network->parameters()) o.gradients.push_back(p.grad());
  o.buffers = network->buffers();
  return o;
}

/// Largest difference as a share of the largest value.
double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-20)).item<double>();
}

TEST(Recompute, GivesTheSameDigits) {
  for (const Norm norm : {Norm::instance, Norm::batch, Norm::group}) {
    for (const bool residual : {false, true}) {
      for (const bool amp : {false, true}) {
        const NetworkPlan plan = small_plan(norm, residual);
        // Residual blocks: three gradients meet at their input, and are added in another order.
        const double tolerance = !residual ? 0 : amp ? 2e-2 : 1e-5;
        const Outcome plain = train_once(plan, false, amp), again = train_once(plan, true, amp);
        EXPECT_TRUE(torch::equal(plain.logits, again.logits));
        ASSERT_EQ(plain.gradients.size(), again.gradients.size());
        for (std::size_t i = 0; i < plain.gradients.size(); ++i)
          EXPECT_LE(difference(plain.gradients[i], again.gradients[i]), tolerance) << i << " amp " << amp;
        for (std::size_t i = 0; i < plain.buffers.size(); ++i)
          EXPECT_TRUE(torch::equal(plain.buffers[i], again.buffers[i])) << i;
      }
    }
  }
}

TEST(Recompute, WithoutGradientsRunsPlainly) {
  UNet network(small_plan(Norm::instance, false));
  network->initialize(4);
  const torch::Tensor x = torch::randn({1, 1, 16, 16, 16});
  const torch::NoGradGuard no_grad;
  const torch::Tensor plain = network->forward(x);
  network->use_activation_checkpointing(true);
  EXPECT_TRUE(torch::equal(plain, network->forward(x)));
}

}  // namespace
}  // namespace nnunet
