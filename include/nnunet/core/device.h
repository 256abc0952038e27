#pragma once
#include <string>

#include "nnunet/core/job.h"

namespace nnunet {

/// Where a network runs: on the CPU, or on one of the machine's GPUs.
struct Device {
  int gpu = -1;  ///< its number; -1: the CPU

  bool is_cpu() const { return gpu < 0; }
  /// "cpu", "cuda:0".
  std::string text() const { return is_cpu() ? "cpu" : "cuda:" + std::to_string(gpu); }
  bool operator==(const Device&) const = default;
};

inline constexpr Device kCpu{};

/// --gpus: unset (-1): one GPU where there is one, else the CPU; 0: the CPU; more than there are: Error. Logs which.
/// present: how many GPUs this program can use; place: the processes of a machine take its GPUs in turn.
Device choose_device(int gpus, int present, const JobPlace& place = {});

}  // namespace nnunet
