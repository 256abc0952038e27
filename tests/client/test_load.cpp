#include <gtest/gtest.h>

#include <numeric>

#include "nnunet/client/load.h"
#include "serve/fake_model.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

LoadOptions options(const FakeServer& server) {
  LoadOptions o;
  o.server.url = "http://127.0.0.1:" + std::to_string(server.port());
  o.model = "fake";
  o.requests = 24;
  o.warmup = 1;
  return o;
}

TEST(Load, EveryRequestIsSentAndMeasured) {
  FakeServer server;
  LoadOptions o = options(server);
  o.batch = 3;
  o.concurrency = 4;
  const LoadResult result = measure_load(o);
  EXPECT_EQ(result.seconds.size(), 24U);
  EXPECT_EQ(result.refused, 0);
  EXPECT_EQ(std::accumulate(server.control->batches.begin(), server.control->batches.end(), std::int64_t{0}),
            1 + 8 + (24 + 4) * 3);  // with the server's own warm-up
  const double mean_ms = 1000 * std::accumulate(result.seconds.begin(), result.seconds.end(), 0.0) / 24;
  const LoadParts& p = result.parts;
  EXPECT_GT(p.client_send, 0);
  EXPECT_GT(p.queue, 0);
  EXPECT_GT(p.compute_infer, 0);
  EXPECT_NEAR(
      p.client_send + p.network + p.queue + p.compute_input + p.compute_infer + p.compute_output + p.client_receive,
      mean_ms, mean_ms * 1e-3);
  EXPECT_GE(result.wall * 4, mean_ms * 24 / 1000 * 0.9);
}

TEST(Load, GoesOnForATime) {
  FakeServer server;
  LoadOptions o = options(server);
  o.requests = 0;
  o.seconds = 0.2;
  const LoadResult result = measure_load(o);
  EXPECT_GE(result.wall, 0.2);
  EXPECT_GE(result.seconds.size(), 1U);
}

TEST(Load, ARefusedRequestIsSentAgain) {
  FakeServer server({.max_batch = 1, .max_queue = 1});
  LoadOptions o = options(server);
  o.concurrency = 8;
  EXPECT_EQ(measure_load(o).seconds.size(), 24U);
}

TEST(Load, SaysWhatIsWrong) {
  FakeServer server;
  LoadOptions o = options(server);
  o.batch = 9;
  EXPECT_THROW(measure_load(o), Error);
  o.batch = 1;
  o.model = "fake_volume";
  EXPECT_THROW(measure_load(o), Error);
  o.model = "other";
  EXPECT_THROW(measure_load(o), Error);
}

}  // namespace
