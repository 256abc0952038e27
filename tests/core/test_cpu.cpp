#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

TEST(Cpu, TheProcessorsSetIsTakenUnlessLowered) {
  EXPECT_EQ(choose_isa("", Isa::avx512), Isa::avx512);
  EXPECT_EQ(choose_isa("avx512", Isa::avx512), Isa::avx512);
  EXPECT_EQ(choose_isa("avx2", Isa::avx512_bf16), Isa::avx2);
  EXPECT_EQ(choose_isa("portable", Isa::avx2), Isa::portable);
}

TEST(Cpu, MoreThanTheProcessorHasIsRefused) {
  EXPECT_THROW(choose_isa("avx512", Isa::avx2), Error);
  EXPECT_THROW(choose_isa("avx512_bf16", Isa::avx512), Error);
  EXPECT_THROW(choose_isa("avx2", Isa::portable), Error);
  EXPECT_THROW(choose_isa("AVX2", Isa::avx512), Error);
  EXPECT_THROW(choose_isa("sse", Isa::avx512), Error);
}

TEST(Cpu, MessagesNameTheVariableAndTheChoice) {
  try {
    choose_isa("avx512", Isa::avx2);
    FAIL();
  } catch (const Error& e) {
    const std::string text = e.what();
    for (const char* word : {"NNUNET_ISA", "avx512", "no more than avx2"})
      EXPECT_NE(text.find(word), std::string::npos) << text;
  }
}

TEST(Cpu, TheChosenSetIsOneThatTheProcessorHas) {
  EXPECT_LE(chosen_isa(), processor_isa());
  EXPECT_FALSE(processor_name().empty());
}

constexpr Vectorized scaled_sum = []<class T>(const T* x, std::size_t n, T factor, double& sum) NNUNET_INLINED {
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i] * factor);
  return n;
};

TEST(Vectorized, TakesTypesReferencesAndReturns) {
  std::vector<float> x(1001);
  std::iota(x.begin(), x.end(), 0.0F);
  double sum = 1;
  EXPECT_EQ(scaled_sum(x.data(), x.size(), 2.0F, sum), x.size());
  EXPECT_EQ(sum, 1 + 1000.0 * 1001);
  const std::vector<std::int64_t> y{1, 2, 3};
  scaled_sum(y.data(), y.size(), std::int64_t{-1}, sum);
  EXPECT_EQ(sum, 1000.0 * 1001 - 5);
}

}  // namespace
}  // namespace nnunet
