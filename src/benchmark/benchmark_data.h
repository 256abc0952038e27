#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/benchmark/options.h"
#include "nnunet/data/folder.h"
#include "nnunet/data/loader.h"
#include "nnunet/io/scratch_folder.h"

namespace nnunet {

/// The configuration that a task's random data would have. Throws Error for a task that is not in the table of tasks
/// and no patch size, and for sizes that do not fit dim.
DataConfig synthetic_config(const BenchmarkOptions& options);

/// A preprocessed folder to measure on: that of the options, or one of random volumes.
class BenchmarkData {
 public:
  /// Says on the log which.
  explicit BenchmarkData(const BenchmarkOptions& options);

  const DataConfig& config() const { return folder_->config(); }
  const PreprocessedFolder& folder() const { return *folder_; }
  /// Those to measure on, as indices into the folder's.
  const std::vector<std::int64_t>& cases() const { return cases_; }
  /// For the report.
  const std::string& description() const { return description_; }
  /// The cases, repeated until they fill `steps` batches (0: one epoch) of batch_size images. sampling: how their
  /// patches are chosen; the number of steps is `steps`.
  std::unique_ptr<BatchSource> loader(const LoaderOptions& loader, EpochSampling sampling, std::int64_t steps) const;

 private:
  void make_synthetic(const BenchmarkOptions& options);

  std::unique_ptr<ScratchFolder> scratch_;
  std::unique_ptr<PreprocessedFolder> folder_;
  std::vector<std::int64_t> cases_;
  std::string description_;
};

}  // namespace nnunet
