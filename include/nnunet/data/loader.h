#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/data/bad_cases.h"
#include "nnunet/data/folder.h"
#include "nnunet/data/recipe.h"

namespace nnunet {

/// One training batch in plain memory. 3D: image (N,C,D,H,W), label (N,D,H,W). 2D: image (N,C,H,W), label (N,H,W).
struct Batch {
  std::shared_ptr<float> image;
  std::shared_ptr<std::uint8_t> label;
  std::vector<std::int64_t> image_shape, label_shape;
  /// One an image where the batch is of plain crops (LoaderOptions::recipes); else null.
  std::shared_ptr<Recipe> recipes;
  std::vector<std::string> cases;  ///< the cases it came from, in order
  std::int64_t step = 0;           ///< within the epoch
};

struct LoaderOptions {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w) or (h,w)
  std::int64_t batch_size = 2;
  std::int64_t nvol = 1;       ///< 2D: volumes a batch
  int data2d_dim = 3;          ///< 2D: 3 = slices of volumes, 2 = cases are single images
  double oversampling = 0.33;  ///< probability that a crop is centred on a foreground voxel
  bool augment = true;         ///< false: centre crops, nothing random (benchmarks)
  bool recipes = false;        ///< with augment: crops stay as they are, for a GPU to do what Batch::recipes says
  int num_workers = 8;         ///< threads; 0: batches are made by next() itself
  int prefetch = 2;            ///< batches ready per worker at most
  std::uint64_t seed = 1;
  std::int64_t limit_batches = 0;  ///< > 0: an epoch ends after so many
  int rank = 0, processes = 1;     ///< this process makes its part of batches of batch_size x processes samples
  /// Cases that cannot be read are put here, and the next in order takes their place; null: the first one is an Error.
  std::shared_ptr<BadCases> bad_cases;
  /// Where batches live (pinned memory for CUDA); default: aligned host memory.
  std::function<std::shared_ptr<void>(std::size_t bytes)> allocate;
};

/// Training batches, made ahead of time by worker threads, handed out in order. Every random number comes from
/// CounterRng(seed, epoch, sample), so the number of workers changes nothing; nor does the number of processes, whose
/// parts together are the batch that one process would have made.
class Loader {
 public:
  /// indices: into folder.cases(). Throws Error for options that do not fit. The folder must outlive the loader.
  Loader(const PreprocessedFolder& folder, std::vector<std::int64_t> indices, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches_per_epoch() const;
  /// Starts an epoch (abandons the former), from batch first_step on.
  void start_epoch(std::int64_t epoch, std::int64_t first_step = 0);
  /// The next batch; false at the end of the epoch. Rethrows an error of a worker (bad case: names it).
  bool next(Batch& batch);
  /// Seconds next() has waited since start_epoch.
  double wait_seconds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nnunet
