#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nnunet/data/loader.h"

namespace nnunet {

/// What the timed batches took.
struct StepTimes {
  std::vector<double> seconds;      ///< of each batch, from its start to the next one's
  double data_seconds = 0;          ///< of these together, waiting for the loader
  std::int64_t images = 0;          ///< in a batch
  std::vector<std::int64_t> patch;  ///< their size, (d,h,w) or (h,w)

  double total() const;
};

using StepFunction = std::function<void(const Batch&)>;

/// A warm pass over the loader's batches (epoch 0), then one (epoch 1) that is timed after `warmup` batches. Throws
/// Error when these leave none.
StepTimes time_steps(BatchSource& loader, torch::Device device, std::int64_t warmup, const StepFunction& step);

/// Runs up to `count` further batches (epoch 2), each with a range "data" and the step's own.
void trace_steps(BatchSource& loader, torch::Device device, std::int64_t count, const StepFunction& step);

}  // namespace nnunet
