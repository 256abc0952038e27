#pragma once
#include <memory>
#include <optional>
#include <string>

#include "nnunet/core/interrupt.h"
#include "nnunet/data/case_store.h"
#include "nnunet/io/folder_lock.h"
#include "nnunet/train/v2_recipe.h"
#include "nnunet/train/v2_timing.h"
#include "nnunet/train/v2_trainer.h"
#include "nnunet/v2/splits.h"
#include "nnunet/v2/training_log.h"
#include "training_job.h"
#include "v2_fold_folder.h"

namespace nnunet {

/// A training in nnU-Net v2's folders: what it begins with or goes on from, its lock, checkpoints, logs, and its
/// validation. The first process writes them.
class V2TrainingRun {
 public:
  explicit V2TrainingRun(const V2TrainOptions& options);
  V2TrainResult run();
  /// Instead of run: what a training like this one takes (time_v2).
  v2::TrainingCost measure(double seconds);

 private:
  UNet prepared_network();
  void prepare_batches();
  void prepare_folder();
  void begin_logs();
  void resume(const std::filesystem::path& source);

  void train();
  std::unique_ptr<BatchSource> batches_of(const std::vector<std::string>& cases,
                                          const PatchLoaderOptions& options) const;
  Evaluation evaluate_batches();
  void finish_epoch();
  void finish_training();
  bool asked_to_stop();
  void save(const std::string& name);
  void save_and_stop();

  void validate();
  V2Checkpoint checkpoint() const;
  double seconds_a_checkpoint() const;

  Interrupt interrupt_;  // first: threads started later leave the signals to it
  V2TrainOptions o_;
  v2::TrainingSetup setup_;
  TrainOptions shared_;  ///< what all trainings here are told
  TrainingJob job_;
  std::shared_ptr<const CaseStore> cases_;
  v2::Split split_;
  TrainingRecipe recipe_;
  Loss loss_;
  TrainingState state_;
  TrainStep step_;
  std::unique_ptr<BatchSource> training_, validation_;  ///< batches
  V2FoldFolder folder_;
  std::unique_ptr<FolderLock> lock_;    // the first process's
  std::optional<v2::TrainingLog> log_;  // likewise
  V2TrainResult result_;
};

}  // namespace nnunet
