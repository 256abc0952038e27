#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/data/bad_cases.h"
#include "nnunet/data/loader.h"
#include "nnunet/data/patch_augmentation.h"
#include "nnunet/data/training_cases.h"

/// Batches of nnU-Net v2's training (contract-v2-run, section 4): cases drawn with replacement, patches of them.
namespace nnunet {

struct PatchLoaderOptions {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w) or (h,w)
  std::int64_t channels = 1;             ///< of the cases' images
  LabelSpec labels;
  bool previous_stage = false;  ///< a cascade: a channel more for each foreground label
  PatchAugmentation augmentation;

  std::int64_t batch_size = 2;  ///< patches a step, over all processes
  std::int64_t steps = 250;     ///< of an epoch
  double forced_share = 0.33;   ///< of the patches, around foreground: the last ones of a batch (is_forced)
  bool probabilistic = false;   ///< each with that probability instead
  bool validation = false;      ///< these batches share no random number with those of training
  bool recipes = false;         ///< a GPU makes the patches of Batch::patches; not of a cascade

  int num_workers = 8;  ///< threads; 0: batches are made by next() itself
  int prefetch = 2;     ///< batches ready per worker at most
  std::uint64_t seed = 1;
  int rank = 0, processes = 1;  ///< this process makes its part of each batch (batch_part)
  /// Cases that cannot be read are put here, and another one is drawn instead; null: the first one is an Error.
  std::shared_ptr<BadCases> bad_cases;
  /// Where batches live (pinned memory for CUDA); default: aligned host memory.
  std::function<std::shared_ptr<void>(std::size_t bytes)> allocate;
};

/// The options that a plan decides: patch, channels, labels, cascade.
PatchLoaderOptions patch_loader_options(const ModelPlan& plan, PatchAugmentation augmentation);

/// Batches of these cases: image (N,C,D,H,W) and label (N,D,H,W), or without D for a 2D patch; N is this process's
/// part. A label is its value, -1 has become 0. Every random number follows from (seed, epoch, sample), so that the
/// number of workers changes nothing, nor does it matter where in an epoch one begins. Throws Error for options that do
/// not fit and cases that there are not.
std::unique_ptr<BatchSource> load_patches(std::shared_ptr<const TrainingCases> from, std::vector<std::string> cases,
                                          PatchLoaderOptions options);

}  // namespace nnunet
