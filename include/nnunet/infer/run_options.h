#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/infer/blend.h"

/// What commands that run a network are told, in groups that their options are composed of. Names and defaults are
/// those of the reference system's flags (contract, section 7).
namespace nnunet {

/// Which preprocessed folder, and which of its folds.
struct CaseSelection {
  std::filesystem::path data = "/data";  ///< folder that holds <task>_<dim>d, or that folder itself
  std::string task = {};                 ///< may be empty where data is the folder itself
  int dim = 3;
  int nfolds = 5;
  int fold = 0;
};

/// What computes a network, and in which arithmetic.
struct ComputeOptions {
  std::string engine = "auto";  ///< native, libtorch, ... (kEngineNames); auto: native where it fits
  int gpus = -1;                ///< -1: one GPU where there is one, else the CPU; 0: the CPU
  bool amp = false;
  std::string precision;  ///< "bf16" or "fp16" with amp; empty: choose_precision decides
};

/// How windows slide over a volume.
struct SlidingOptions {
  std::int64_t val_batch_size = 0;  ///< windows or slices a forward; 0: 4 in 3D, 64 in 2D
  double overlap = 0.5;
  Blend blend = Blend::gaussian;
  bool tta = false;  ///< mean over all flips
  /// nnU-Net v2's models, which are mirrored unless told otherwise and add up in fp16.
  bool disable_tta = false;
  bool precise = false;     ///< sums in fp32
  bool low_memory = false;  ///< finished sums wait in a scratch file
};

/// A model that nnU-Net v2 trained (checkpoint/v2_model.h).
struct TrainedModel {
  std::filesystem::path path;      ///< model folder, exported zip, fold folder or .pth; empty: none
  std::vector<std::string> folds;  ///< numbers, or all; empty: those that are there
  std::string checkpoint = "checkpoint_final.pth";
};

}  // namespace nnunet
