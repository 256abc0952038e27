#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "options/command.h"

namespace nnunet::app {

/// What nnUNetv2_train takes.
struct V2TrainFlags {
  std::string dataset, configuration, fold;
  std::string trainer = "nnUNetTrainer", plans = "nnUNetPlans";
  std::optional<std::filesystem::path> pretrained_weights;
  int num_gpus = 1;
  bool npz = false, resume = false, val = false, val_best = false, disable_checkpointing = false;
  std::string device = "cuda";  ///< "cuda", "cpu" or "mps"
  // Beside nnU-Net's own
  bool amp = false, fp32 = false;
  std::string engine = "auto";
  std::uint64_t seed = 1;
  int workers = 0;
};

Command v2_train_command(V2TrainFlags& flags);

}  // namespace nnunet::app
