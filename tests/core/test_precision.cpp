#include <gtest/gtest.h>

#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/core/precision.h"

namespace nnunet {
namespace {

TEST(Precision, Choice) {
  EXPECT_EQ(choose_precision(false, "", kCpu), Precision::fp32);
  EXPECT_EQ(choose_precision(false, "bf16", kCpu), Precision::fp32);
  EXPECT_EQ(choose_precision(true, "fp32", kCpu), Precision::fp32);
  EXPECT_EQ(choose_precision(true, "bf16", kCpu), Precision::bf16);
  EXPECT_THROW(choose_precision(true, "fp16", kCpu), Error);
  EXPECT_THROW(choose_precision(true, "int8", kCpu), Error);
  EXPECT_THROW(choose_precision(false, "int8", kCpu), Error);
  const Device gpu{0};
  EXPECT_EQ(choose_precision(true, "", gpu), Precision::fp16);
  EXPECT_EQ(choose_precision(true, "bf16", gpu), Precision::bf16);
}

// On any processor: what it has is an argument, and the default asks for the instruction set in use.
TEST(Precision, WithoutBf16ArithmeticAmpIsFp32UnlessBf16IsAskedFor) {
  EXPECT_EQ(choose_precision(true, "", kCpu, true), Precision::bf16);
  EXPECT_EQ(choose_precision(true, "", kCpu, false), Precision::fp32);
  EXPECT_EQ(choose_precision(true, "bf16", kCpu, false), Precision::bf16);
  EXPECT_EQ(choose_precision(true, "", kCpu), has_bf16_arithmetic() ? Precision::bf16 : Precision::fp32);
  const Device gpu{0};
  EXPECT_EQ(choose_precision(true, "", gpu, false), Precision::fp16);
  EXPECT_EQ(choose_precision(true, "bf16", gpu, false), Precision::bf16);
#if defined(__x86_64__)
  EXPECT_EQ(has_bf16_arithmetic(), chosen_isa() == Isa::avx512_bf16);
#endif
}

TEST(Device, Choice) {
  EXPECT_TRUE(choose_device(0, 0).is_cpu());
  EXPECT_THROW(choose_device(1000, 0), Error);
  EXPECT_THROW(choose_device(-2, 0), Error);
  EXPECT_TRUE(choose_device(-1, 0).is_cpu());
  EXPECT_EQ(choose_device(-1, 2), Device{0});
  JobPlace second;
  second.rank = 3, second.size = 4, second.local_rank = 1, second.local_size = 2;
  EXPECT_EQ(choose_device(1, 2, second), Device{1});
}

}  // namespace
}  // namespace nnunet
