#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "batch_queue.h"
#include "case_cache.h"
#include "host_pool.h"
#include "nnunet/data/loader.h"

namespace nnunet {

/// Batches of a preprocessed folder's cases. The folder must outlive it.
class FolderBatches final : public BatchMaker {
 public:
  /// Throws Error for options that do not fit.
  FolderBatches(const PreprocessedFolder& folder, std::shared_ptr<const Sampler> sampler, LoaderOptions options);

  const LoaderOptions& options() const { return options_; }
  std::int64_t batches_per_epoch() const override;
  /// Throws Error naming the case that cannot be read.
  Make maker() override;

 private:
  using Order = std::vector<std::int64_t>;
  /// One sample's place in its batch: where it starts (in slices in 2D, in patches in 3D) and how deep it is.
  struct Part {
    std::int64_t index = 0;  // into folder.cases()
    std::int64_t first = 0, depth = 0;
  };

  bool flat() const { return options_.patch_size.size() == 2; }
  bool slices_of_volumes() const { return flat() && options_.data2d_dim == 3; }
  /// Cases that one step of an epoch uses up, over all processes.
  std::int64_t cases_per_step() const { return own_cases() * options_.processes; }
  /// Those of this process.
  std::int64_t own_cases() const { return slices_of_volumes() ? options_.nvol : options_.batch_size; }
  /// The cases of that epoch in their order.
  std::shared_ptr<const Order> order(std::uint32_t epoch);
  /// The case at that position of the epoch, past the end from the start again; where it cannot be read, the next that
  /// can.
  std::int64_t case_at(const Order& order, std::int64_t position);
  const std::string& name(const Part& part) const { return folder_.cases()[static_cast<std::size_t>(part.index)]; }

  Batch make(std::uint32_t epoch, std::int64_t step, AugmentScratch& scratch);
  std::vector<Part> plan(const Order& order, std::int64_t step);
  Batch allocate(std::int64_t step) const;
  PatchView place(const Batch& batch, const Part& part, std::int64_t channels) const;
  void fill(const Batch& batch, const Part& part, const SampleKey& key, AugmentScratch& scratch);

  const PreprocessedFolder& folder_;
  const std::shared_ptr<const Sampler> sampler_;
  const LoaderOptions options_;
  const std::vector<AugmentationList> passes_;
  CaseCache cases_;
  const BatchMemory memory_;

  std::mutex mutex_;
  std::uint32_t ordered_epoch_ = 0;
  std::shared_ptr<const Order> order_;  // of that epoch
};

}  // namespace nnunet
