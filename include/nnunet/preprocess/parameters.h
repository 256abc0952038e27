#pragma once
#include <optional>
#include <string>

#include "nnunet/core/memory.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"
#include "nnunet/preprocess/options.h"

namespace nnunet {

/// Patch, spacing and intensity statistics before anything was collected from the images.
struct Parameters {
  std::vector<std::int64_t> patch_size;
  std::vector<double> spacing;  ///< as many as there are dimensions; empty: to be collected
  std::optional<CtStats> ct;
  bool is_ct = false;

  bool must_collect_ct() const { return is_ct && !ct; }
  bool must_collect() const { return spacing.empty() || must_collect_ct(); }
};

/// Flags first, then the task's table. For val and test, `training_config` is the training folder's config.json: where
/// it exists its values count, and flags that contradict it are an Error. Throws Error for a task without a patch size,
/// and for --ct_stats on a dataset that is not CT.
Parameters choose_parameters(const PreprocessOptions& options, const std::string& task, const Dataset& dataset,
                             const std::filesystem::path& training_config);

/// The configuration of the folder to be made, without cases; collects what is missing from the dataset's training
/// cases, as many at a time as threads and memory allow.
DataConfig make_config(const Parameters& parameters, const std::string& task, const Dataset& dataset, int threads,
                       MemoryBudget& memory, bool quiet);

}  // namespace nnunet
