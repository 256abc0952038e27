#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "nnunet/infer/sliding_window.h"
#include "nnunet/plan/plan.h"

namespace nnunet {

/// What every command that runs a network is told: where the data are, the network, its arithmetic and the sliding
/// window. Names and defaults are those of the reference system's flags (contract, section 7).
struct RunOptions {
  std::filesystem::path data = "/data";        ///< folder that holds <task>_<dim>d, or that folder itself
  std::filesystem::path results = "/results";  ///< where everything is written
  std::string logname;                         ///< in results; empty: the command's own
  std::string task;
  int dim = 3;
  int nfolds = 5;
  int fold = 0;
  int gpus = -1;  ///< -1: one GPU where there is one, else the CPU; 0: the CPU

  NetworkOptions network;
  bool amp = false;
  std::string precision;  ///< "bf16" or "fp16" with amp; empty: choose_precision decides

  std::int64_t val_batch_size = 0;  ///< windows or slices a forward; 0: 4 in 3D, 64 in 2D
  double overlap = 0.5;
  Blend blend = Blend::gaussian;
  bool tta = false;
  std::int64_t test_batches = 0;  ///< validation volumes at most; 0: all
};

}  // namespace nnunet
