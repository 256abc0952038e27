// What is known of the machine: no figure is expected, only that it is one.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "../../src/benchmark/peak_cpu.h"
#include "../../src/benchmark/peak_memory.h"

namespace nnunet {
namespace {

TEST(CpuPeak, IsAPlausibleRateAndSaysWhatItIsOf) {
  for (const bool bf16 : {false, true}) {
    const Peak peak = measure_cpu_peak(bf16, 1);
    EXPECT_GT(peak.gflops, 0.1);
    EXPECT_LT(peak.gflops, 1e5);  // no loop was dropped by the compiler
    EXPECT_NE(peak.how.find("1 threads"), std::string::npos) << peak.how;
  }
}

TEST(PeakMemory, GrowsWithWhatWasTouched) {
  const double before = peak_memory_mib(torch::kCPU);
  const std::vector<char> block(std::size_t{128} << 20, 1);
  const double after = peak_memory_mib(torch::kCPU);
  EXPECT_GT(before, 1);
  EXPECT_GE(after, 128 + static_cast<double>(block[7]));
}

}  // namespace
}  // namespace nnunet
