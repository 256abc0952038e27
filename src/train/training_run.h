#pragma once
#include <optional>
#include <string>

#include "epoch_log.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/train/reference_recipe.h"
#include "nnunet/train/trainer.h"
#include "results_lock.h"
#include "resume_source.h"
#include "training_job.h"
#include "training_report.h"

namespace nnunet {

/// A training in its results folder: what it begins with or goes on from, its lock, checkpoints and logs. The first
/// process writes them.
class TrainingRun {
 public:
  /// The options have their defaults filled in.
  explicit TrainingRun(const TrainOptions& options);
  TrainResult run();

 private:
  UNet prepared_network();
  std::filesystem::path checkpoints() const { return o_.results / "checkpoints"; }
  std::filesystem::path last_path() const { return checkpoints() / "last.ckpt"; }

  void prepare_results();
  void take_over(const Resumed& resumed);
  void begin_with(const TrainingRecord& initial);
  void resume(const Resumed& resumed, const ResumeRules& rules);
  void finish_best() const;

  void train();
  /// A signal to any of the processes stops all.
  bool asked_to_stop();
  Evaluation evaluate_fold();
  void finish_epoch();
  void share_bad_cases() const;
  void save_and_stop();
  void save();
  TrainResult result() const;

  Interrupt interrupt_;  // first: threads started later leave the signals to it
  TrainOptions o_;
  TrainingJob job_;
  PreprocessedFolder folder_;
  FoldSplit fold_;
  NetworkPlan plan_;
  TrainingRecipe recipe_;
  Loss loss_;
  std::optional<TrainingRecord> initial_;  // of the initial weights
  TrainingState state_;
  TrainStep step_;
  LoaderOptions loading_;
  TrainingReport report_;
  TrainingRecord record_;            // the first process's
  std::optional<ResultsLock> lock_;  // likewise
  std::optional<EpochLog> log_;      // likewise
  std::string interrupted_by_;
};

}  // namespace nnunet
