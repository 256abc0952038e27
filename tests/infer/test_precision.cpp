#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/core/precision.h"

namespace nnunet {
namespace {

const torch::Device kCpu(torch::kCPU);

TEST(Precision, Choice) {
  EXPECT_EQ(choose_precision(false, "", kCpu), Precision::fp32);
  EXPECT_EQ(choose_precision(false, "bf16", kCpu), Precision::fp32);
  EXPECT_EQ(choose_precision(true, "fp32", kCpu), Precision::fp32);
  EXPECT_EQ(choose_precision(true, "bf16", kCpu), Precision::bf16);
  EXPECT_THROW(choose_precision(true, "fp16", kCpu), Error);
  EXPECT_THROW(choose_precision(true, "int8", kCpu), Error);
  EXPECT_THROW(choose_precision(false, "int8", kCpu), Error);
  const torch::Device gpu(torch::kCUDA, 0);
  EXPECT_EQ(choose_precision(true, "", gpu), Precision::fp16);
  EXPECT_EQ(choose_precision(true, "bf16", gpu), Precision::bf16);
}

// On any processor: what it has is an argument, and the default asks for the instruction set in use.
TEST(Precision, WithoutBf16ArithmeticAmpIsFp32UnlessBf16IsAskedFor) {
  EXPECT_EQ(choose_precision(true, "", kCpu, true), Precision::bf16);
  EXPECT_EQ(choose_precision(true, "", kCpu, false), Precision::fp32);
  EXPECT_EQ(choose_precision(true, "bf16", kCpu, false), Precision::bf16);
  EXPECT_EQ(choose_precision(true, "", kCpu), has_bf16_arithmetic() ? Precision::bf16 : Precision::fp32);
  const torch::Device gpu(torch::kCUDA, 0);
  EXPECT_EQ(choose_precision(true, "", gpu, false), Precision::fp16);
  EXPECT_EQ(choose_precision(true, "bf16", gpu, false), Precision::bf16);
#if defined(__x86_64__)
  EXPECT_EQ(has_bf16_arithmetic(), chosen_isa() == Isa::avx512_bf16);
#endif
}

TEST(AutocastScope, LowersConvolutionsWithinItsLife) {
  const torch::Tensor x = torch::ones({1, 1, 4, 4}), w = torch::ones({1, 1, 3, 3});
  {
    const AutocastScope scope(Precision::bf16, kCpu);
    EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kBFloat16);
    {
      const AutocastScope inner(Precision::bf16, kCpu);
      EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kBFloat16);
    }
    EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kBFloat16);
  }
  EXPECT_EQ(torch::conv2d(x, w).scalar_type(), torch::kFloat);
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  {
    const AutocastScope scope(Precision::fp32, kCpu);
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
    const AutocastScope scope(Precision::bf16, kCpu);
    EXPECT_EQ(torch::conv2d(x, w).item<double>(), 9 * value);
  }
}

TEST(Device, Choice) {
  EXPECT_TRUE(choose_device(0).is_cpu());
  EXPECT_THROW(choose_device(1000), Error);
  EXPECT_THROW(choose_device(-2), Error);
  EXPECT_EQ(choose_device(-1).is_cuda(), torch::cuda::is_available());
}

}  // namespace
}  // namespace nnunet
