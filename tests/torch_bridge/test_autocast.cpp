#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "nnunet/torch_bridge/autocast.h"
#include "nnunet/torch_bridge/device.h"

namespace nnunet {
namespace {

const torch::Device kTorchCpu(torch::kCPU);

TEST(AutocastScope, LowersConvolutionsWithinItsLife) {
  const torch::Tensor x = torch::ones({1, 1, 4, 4}), w = torch::ones({1, 1, 3, 3});
  {
    const AutocastScope scope(Precision::bf16, kTorchCpu);
    EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kBFloat16);
    {
      const AutocastScope inner(Precision::bf16, kTorchCpu);
      EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kBFloat16);
    }
    EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kBFloat16);
  }
  EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kFloat);
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  {
    const AutocastScope scope(Precision::fp32, kTorchCpu);
    EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kFloat);
  }
}

TEST(AutocastScope, ForgetsTheWeightsCopiesAtItsEnd) {
  const torch::Tensor x = torch::ones({1, 1, 3, 3});
  torch::Tensor w = torch::ones({1, 1, 3, 3}).requires_grad_();
  for (const double value : {1.0, 2.0}) {
    {
      const torch::NoGradGuard no_grad;
      w.fill_(value);
    }
    const AutocastScope scope(Precision::bf16, kTorchCpu);
    EXPECT_EQ(torch::conv2d(x, w).item<double>(), 9 * value);
  }
}

TEST(TorchDevice, ChoosesAmongLibtorchsGpus) {
  EXPECT_TRUE(choose_torch_device(0).is_cpu());
  EXPECT_EQ(choose_torch_device(-1).is_cuda(), torch::cuda::is_available());
  for (const Device device : {kCpu, Device{0}, Device{3}}) EXPECT_EQ(from_torch(to_torch(device)), device);
}

}  // namespace
}  // namespace nnunet
