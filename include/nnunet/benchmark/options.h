#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/train/options.h"

namespace nnunet {

/// What is measured, and how long.
struct BenchmarkOptions {
  /// Those that describe data, network, arithmetic and batches count, and where results go; logname: "perf.json" where
  /// it is empty; train_batches and test_batches: the measured pass, warmup included.
  TrainOptions train;
  std::string mode = "train";  ///< train, predict, preprocess, augment, augment_v2 or export
  /// Random data where data holds no preprocessed task (preprocess: no raw one); else that is an Error.
  bool synthetic = true;
  // The random data; given, they are used whatever lies in data.
  std::vector<std::int64_t> patch_size;  ///< (d,h,w) or (h,w); empty: the task's
  int in_channels = 0;                   ///< 0: the task's
  int n_class = 0;                       ///< with background; 0: the task's
  int cases = 0;                         ///< 0: 24 images to preprocess, else as many volumes as 256 MiB hold, 2 to 8
  int n_jobs = -1;                       ///< preprocess: cases at a time; -1: one a core

  bool describes_data() const { return !patch_size.empty() || in_channels > 0 || n_class > 0; }
};

}  // namespace nnunet
