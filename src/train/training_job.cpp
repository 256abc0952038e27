#include "training_job.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/torch_bridge/device.h"

namespace nnunet {

namespace {

/// Of several processes the first one speaks; the others only of what goes wrong.
JobPlace take_place() {
  const JobPlace place = job_place();
  if (place.rank != 0) log::set_quiet(true);
  return place;
}

/// NCCL does not let two processes share a GPU.
torch::Device own_device(int gpus, const JobPlace& place) {
  const torch::Device device = choose_torch_device(gpus, place);
  const auto present = static_cast<int>(torch::cuda::device_count());
  if (device.is_cuda() && place.local_size > present)
    throw Error("--gpus", fmt::format("{} processes on this machine, {} GPUs", place.local_size, present),
                "start as many processes as there are GPUs, or use --gpus 0 for the CPU");
  return device;
}

}  // namespace

TrainingJob::TrainingJob(const TrainOptions& options)
    : place(take_place()),
      device(own_device(options.compute.gpus, place)),
      group(place, device, std::chrono::seconds(options.dist_timeout)),
      precision(choose_precision(options.compute.amp, options.compute.precision, from_torch(device))) {}

bool was_restarted() {
  for (const char* const count : {"TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"})
    if (const char* const value = std::getenv(count); value != nullptr && std::atoi(value) > 0) return true;
  return false;
}

}  // namespace nnunet
