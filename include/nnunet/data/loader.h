#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/data/augmentation.h"
#include "nnunet/data/bad_cases.h"
#include "nnunet/data/folder.h"
#include "nnunet/data/patch_recipe.h"
#include "nnunet/data/recipe.h"
#include "nnunet/data/sampler.h"

namespace nnunet {

/// One training batch in plain memory. 3D: image (N,C,D,H,W), label (N,D,H,W). 2D: image (N,C,H,W), label (N,H,W).
struct Batch {
  std::shared_ptr<float> image;
  std::shared_ptr<std::uint8_t> label;
  std::vector<std::int64_t> image_shape, label_shape;
  /// One an image where the batch is of plain crops (LoaderOptions::recipes); else null.
  std::shared_ptr<Recipe> recipes;
  /// What a GPU makes a batch of nnU-Net v2's patches from (PatchLoaderOptions::recipes), which has no image and label
  /// then but their shapes; else null.
  std::shared_ptr<const PatchRecipes> patches;
  std::vector<std::string> cases;  ///< the cases it came from, in order
  std::int64_t step = 0;           ///< within the epoch
};

struct LoaderOptions {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w) or (h,w)
  std::int64_t batch_size = 2;
  std::int64_t nvol = 1;                                     ///< 2D: volumes a batch
  int data2d_dim = 3;                                        ///< 2D: 3 = slices of volumes, 2 = cases are single images
  AugmentationList augmentation = reference_augmentation();  ///< empty: plain crops
  bool recipes = false;         ///< crops stay as they are, for a GPU to do what Batch::recipes says (fits_recipe)
  int num_workers = 8;          ///< threads; 0: batches are made by next() itself
  int prefetch = 2;             ///< batches ready per worker at most
  std::uint64_t seed = 1;       ///< of augmentation and patches
  int rank = 0, processes = 1;  ///< this process makes its part of batches of batch_size x processes samples
  /// Cases that cannot be read are put here, and the next in order takes their place; null: the first one is an Error.
  std::shared_ptr<BadCases> bad_cases;
  /// Where batches live (pinned memory for CUDA); default: aligned host memory.
  std::function<std::shared_ptr<void>(std::size_t bytes)> allocate;
};

/// Where a training's batches come from. An epoch's batches are the same whenever it is started.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual std::int64_t batches_per_epoch() const = 0;
  /// Starts an epoch (abandons the former), from batch first_step on.
  virtual void start_epoch(std::int64_t epoch, std::int64_t first_step = 0) = 0;
  /// The next batch; false at the end of the epoch.
  virtual bool next(Batch& batch) = 0;
  /// Seconds next() has waited since start_epoch.
  virtual double wait_seconds() const = 0;
};

/// Batches of a sampler's patches, augmented: made ahead of time by worker threads, handed out in order. Every random
/// number comes from CounterRng(seed, epoch, sample), so the number of workers changes nothing; nor does the number of
/// processes, whose parts together are the batch that one process would have made.
class Loader final : public BatchSource {
 public:
  /// Throws Error for options that do not fit, and cases that the folder has not. The folder must outlive the loader.
  Loader(const PreprocessedFolder& folder, std::shared_ptr<const Sampler> sampler, LoaderOptions options);
  ~Loader() override;
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches_per_epoch() const override;
  void start_epoch(std::int64_t epoch, std::int64_t first_step = 0) override;
  /// Rethrows an error of a worker (bad case: names it).
  bool next(Batch& batch) override;
  double wait_seconds() const override;

 private:
  std::unique_ptr<BatchSource> queue_;
};

}  // namespace nnunet
