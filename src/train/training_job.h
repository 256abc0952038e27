#pragma once
#include <torch/torch.h>

#include "nnunet/core/job.h"
#include "nnunet/core/precision.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/train/options.h"

namespace nnunet {

/// This process's place in the training: the others, its device, its arithmetic. All but the first process become
/// quiet.
struct TrainingJob {
  /// Meets the other processes. Throws Error for a device that is not there or must be shared.
  explicit TrainingJob(const TrainOptions& options);

  JobPlace place;
  torch::Device device;
  ProcessGroup group;
  Precision precision;
};

/// Whether a launcher (torchrun, Slurm) has started the job again after it broke off: it means to continue it.
bool was_restarted();

}  // namespace nnunet
