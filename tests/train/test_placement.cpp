#include <gtest/gtest.h>

#include "nnunet/torch_bridge/tensors.h"
#include "nnunet/train/placement.h"

namespace nnunet {
namespace {

TEST(Placement, MeasuringLeavesTheNetworkAsItWas) {
  for (const bool amp : {false, true}) {
    NetworkOptions options;
    options.filters = {4, 8};
    options.depth = 1;
    options.norm = Norm::batch;
    UNet network(make_network_plan({16, 16}, {1, 1}, 2, 3, options));
    network->initialize(3);
    network->place(torch::kCPU);
    std::vector<torch::Tensor> before;
    for (const auto& [name, tensor] : state_dict(*network)) before.push_back(to_torch(tensor).clone());

    const torch::Tensor image = torch::randn({1, 2, 16, 16});
    const auto format = fastest_format(network, image, amp ? Precision::bf16 : Precision::fp32);
    EXPECT_TRUE(format == torch::MemoryFormat::ChannelsLast || format == torch::MemoryFormat::Contiguous);
    EXPECT_TRUE(network->is_training());
    const auto after = state_dict(*network);
    for (std::size_t i = 0; i < after.size(); ++i)
      EXPECT_TRUE(torch::equal(to_torch(after[i].second), before[i])) << after[i].first;
    for (const auto& p : network->parameters()) EXPECT_FALSE(p.grad().defined());
  }
}

/// Both memory formats are the same network.
TEST(Placement, FormatsGiveTheSame) {
  NetworkOptions options;
  options.filters = {8, 16};
  options.depth = 1;
  UNet network(make_network_plan({8, 8, 8}, {1, 1, 1}, 1, 2, options));
  network->initialize(3);
  torch::manual_seed(1);
  const torch::Tensor image = torch::randn({2, 1, 8, 8, 8});
  const torch::NoGradGuard no_grad;
  network->place(torch::kCPU, torch::MemoryFormat::Contiguous);
  const torch::Tensor first = network->forward(image);
  EXPECT_TRUE(first.is_contiguous());
  network->place(torch::kCPU);
  EXPECT_TRUE(torch::allclose(network->forward(image), first, 1e-4, 1e-5));
}

}  // namespace
}  // namespace nnunet
