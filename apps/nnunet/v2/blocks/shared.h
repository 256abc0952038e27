#pragma once
#include <optional>

#include "options/command.h"

namespace nnunet::app {

/// -np: cases at a time.
inline Option v2_threads(int& threads) {
  return option("-np", threads, "Cases at a time, at most one a core").by_default("nnUNet_def_n_proc, or 8");
}

inline Option v2_plans_json(std::optional<std::filesystem::path>& file) {
  return option("-plans_json", file, "The plans").by_default("plans.json in the input folder");
}

inline Option v2_dataset_json(std::optional<std::filesystem::path>& file) {
  return option("-dataset_json", file, "The dataset's description").by_default("dataset.json in the input folder");
}

}  // namespace nnunet::app
