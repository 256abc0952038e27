#include "nnunet/core/device.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet {

Device choose_device(int gpus, int present, const JobPlace& place) {
  if (gpus < -1)
    throw Error("--gpus", fmt::format("{} is not a number of GPUs", gpus), "give 0 for the CPU, 1 for a GPU");
  if (gpus > present)
    throw Error("--gpus", fmt::format("{} GPUs asked for, {} found", gpus, present), "use --gpus 0 for the CPU");
  const bool on_gpu = gpus > 0 || (gpus < 0 && present > 0);
  const int index = on_gpu ? place.local_rank % present : -1;
  const std::string where = on_gpu ? fmt::format("a GPU (cuda:{})", index) : "the CPU";
  log::info(place.size == 1 ? "running on " + where : fmt::format("running on {}, {} processes", where, place.size));
  return {index};
}

}  // namespace nnunet
