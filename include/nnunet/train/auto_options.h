#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/infer/run_options.h"

namespace nnunet {

/// Which arithmetic trains: chosen means half precision on GPUs, and on CPUs with arithmetic for bf16 the faster one.
enum class AutoPrecision { chosen, full, half };

/// Every option of `nnunet auto`.
struct AutoOptions {
  std::string dataset;           ///< folder DatasetNNN_Name or TaskNN_Name, or the name or number of one in $nnUNet_raw
  double hours = 12;             ///< for all
  std::filesystem::path output;  ///< empty: nnunet_auto/DATASET
  std::vector<std::string> configurations = {}, folds = {};  ///< empty: chosen by the time
  std::optional<int> epochs = {}, iterations = {};           ///< of a training; without: chosen by the time
  double memory_target = 0;     ///< GB that patches are planned for; 0: what the device is meant for
  ComputeOptions compute = {};  ///< gpus and engine; its arithmetic is `precision`
  AutoPrecision precision = AutoPrecision::chosen;
  std::uint64_t seed = 1;
  int threads = 0;                     ///< cases at a time; 0: nnUNet_def_n_proc, else 8, at most the cores
  bool resume = false;                 ///< --continue
  std::filesystem::path program = {};  ///< nnunet, for the command that predicts
};

}  // namespace nnunet
