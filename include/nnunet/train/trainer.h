#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/eval/dice.h"
#include "nnunet/train/options.h"

namespace nnunet {

/// Dice of each class or region over an epoch's validation batches, as nnU-Net v2 has it: 0-1, in float32.
struct PseudoDice {
  std::vector<float> of_class;  ///< NaN where a class occurs nowhere
  float mean = 0;               ///< over the classes that are not NaN
  float average = 0;            ///< moving average of the means (History::add)
};

/// What one epoch gave. Values of a skipped evaluation are absent.
struct EpochRecord {
  std::int64_t epoch = 0;
  double train_loss = 0;  ///< mean over the steps
  std::optional<double> val_loss;
  std::vector<ClassDice> dice;  ///< per foreground class, 0-100; empty when the evaluation was skipped
  double learning_rate = 0;
  double seconds = 0;            ///< training and evaluation
  double data_seconds = 0;       ///< of these, waiting for the loader
  double data_wait_percent = 0;  ///< of the training's seconds
  std::optional<PseudoDice> pseudo = {};
  double ended = 0;  ///< s since 1970
};

struct TrainResult {
  std::vector<EpochRecord> epochs;
  std::optional<std::int64_t> best_epoch;
  std::optional<double> best_mean_dice;                    ///< 0-100, over the classes that occur
  std::filesystem::path best_checkpoint, last_checkpoint;  ///< empty without save_ckpt
  std::string interrupted_by;                              ///< "SIGTERM", "SIGINT": saved, can be continued; else empty
  bool leads = true;                                       ///< false in all processes of a training but its first
};

/// Trains a network on one fold of a preprocessed folder: epochs of augmented patches, evaluation of the fold's
/// validation cases, early stopping, logs, checkpoints.
///   TrainOptions options; options.cases.data = "data"; options.cases.task = "04"; options.results = "results";
///   TrainResult result = train(options);
/// Under torchrun, Slurm or Open MPI (core/job.h) all processes of the job train together, each with batches of
/// batch_size; the first one writes. SIGTERM and SIGINT stop it after the current step, saved (core/interrupt.h).
/// A killed training that is resumed goes on as if nothing had happened: on one CPU process with the same digits.
/// One that would be continued on other cases, labels or another loss is refused before anything is changed, unless
/// options.force_resume. Throws Error for options or data that do not fit, a loss that is not finite (naming case and
/// layer; with amp the step is skipped), a results folder that another training uses, a lost process, and files that
/// cannot be written.
TrainResult train(const TrainOptions& options);

}  // namespace nnunet
