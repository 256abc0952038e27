#include "steps.h"

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <chrono>
#include <numeric>

#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;

void synchronise(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

}  // namespace

double StepTimes::total() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

StepTimes time_steps(BatchSource& loader, torch::Device device, std::int64_t warmup, const StepFunction& step) {
  const std::int64_t total = loader.batches_per_epoch();
  if (warmup >= total)
    throw Error("--warmup", fmt::format("{} batches of {} leave none to measure", warmup, total),
                "measure more with --train_batches / --test_batches");
  StepTimes times;
  Batch batch;
  for (std::int64_t pass = 0; pass < 2; ++pass) {
    Progress progress(pass == 0 ? "warm-up" : "benchmark", total, "steps");
    loader.start_epoch(pass);
    double waited_before = 0;
    auto start = Clock::now();
    for (std::int64_t i = 0; loader.next(batch); ++i) {
      step(batch);
      synchronise(device);
      const auto now = Clock::now();
      if (pass == 1 && i >= warmup) times.seconds.push_back(std::chrono::duration<double>(now - start).count());
      if (i + 1 == warmup) waited_before = loader.wait_seconds();
      start = now;
      progress.advance();
    }
    times.data_seconds = loader.wait_seconds() - waited_before;
  }
  times.images = batch.image_shape.front();
  times.patch.assign(batch.image_shape.begin() + 2, batch.image_shape.end());
  return times;
}

void trace_steps(BatchSource& loader, torch::Device device, std::int64_t count, const StepFunction& step) {
  Batch batch;
  loader.start_epoch(2);
  for (std::int64_t i = 0; i < count; ++i) {
    {
      RECORD_USER_SCOPE("data");
      if (!loader.next(batch)) return;
    }
    step(batch);
    synchronise(device);
  }
}

}  // namespace nnunet
