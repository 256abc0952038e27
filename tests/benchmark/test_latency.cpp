#include <gtest/gtest.h>

#include "nnunet/benchmark/latency.h"
#include "nnunet/core/error.h"

namespace nnunet {
namespace {

// numpy.percentile([1, 2, 3, 4, 5], q) * 1000 in another order.
TEST(Latency, MeanAndLinearPercentilesInMilliseconds) {
  const Latency latency = summarise({4, 1, 5, 3, 2});
  EXPECT_DOUBLE_EQ(latency.mean, 3000);
  EXPECT_DOUBLE_EQ(latency.p50, 3000);
  EXPECT_NEAR(latency.p90, 4600, 1e-9);
  EXPECT_NEAR(latency.p95, 4800, 1e-9);
  EXPECT_NEAR(latency.p99, 4960, 1e-9);
}

TEST(Latency, OneBatchAndNone) {
  EXPECT_DOUBLE_EQ(summarise({0.25}).p99, 250);
  EXPECT_THROW(summarise({}), Error);
}

}  // namespace
}  // namespace nnunet
