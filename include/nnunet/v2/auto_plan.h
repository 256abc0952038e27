#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/v2/planner.h"

/// What a user need not choose: planner, configurations, folds and length of the trainings, from what the machine has
/// and how long it may take.
namespace nnunet::v2 {

/// One GPU, or the processor where there is none.
struct TrainingDevice {
  std::int64_t gpu_bytes = 0;     ///< its whole memory; 0: trained on the CPU
  std::int64_t memory_bytes = 0;  ///< main memory that can be taken
  int cores = 1;
};

struct PlannerChoice {
  PlannerOptions options;
  std::string reason;  ///< a sentence for the user
};
/// The largest of nnU-Net's presets that the device is meant for: residual networks L from 24 GB of GPU memory on and M
/// from 11 GB on, else the default planner, with a smaller target below 8 GB. On a CPU the default planner with a
/// target that grows with the cores, since an iteration's time goes with the patch. Throws Error below 1 GB.
PlannerChoice choose_planner(const TrainingDevice& device);

/// Seconds that one batch takes, as measured on the device.
struct BatchTime {
  double training = 0, validation = 0;
  double epoch = 0;  ///< what an epoch takes beside its batches: checkpoints
};

/// One training. The defaults are nnU-Net's.
struct TrainingLength {
  int epochs = 1000, iterations = 250, validation_batches = 50;
  bool operator==(const TrainingLength&) const = default;
};
double training_seconds(const TrainingLength& length, const BatchTime& time);
/// The longest that fits into so many seconds, at most nnU-Net's: fewer epochs, down to 50, then fewer iterations.
/// Throws Error where not even 50 epochs of 5 iterations fit.
TrainingLength training_length(double seconds, const BatchTime& time);

/// What one training of a configuration takes beside its length, as measured.
struct TrainingCost {
  BatchTime batch;
  double final_validation = 0;  ///< s, of a fold's cases
};

/// Every configuration is trained on every fold.
struct TrainingSchedule {
  std::vector<std::string> configurations;  ///< in the order of training
  std::vector<std::string> folds;
  TrainingLength length;
  double seconds = 0;  ///< of all trainings and their final validations
  bool operator==(const TrainingSchedule&) const = default;
};

/// What the user has decided himself; the rest follows from the time.
struct ScheduleWishes {
  std::vector<std::string> configurations = {}, folds = {};
  std::optional<int> epochs = {}, iterations = {};  ///< one of them alone: nnU-Net's number of the other
};

/// 3d_fullres (2d for pictures) on five folds, or on fold 0 alone where less than 100 epochs a fold would be left; with
/// time for full length the cascade, then 2d beside it, for ensembles. A tenth of the time is left for what cannot be
/// measured beforehand. costs: by configuration; those that are missing are not trained. Throws Error: no costs of a
/// configuration that is needed, too few seconds (a length that was wished for is not refused).
TrainingSchedule training_schedule(const std::map<std::string, TrainingCost>& costs, double seconds,
                                   const ScheduleWishes& wishes = {});

}  // namespace nnunet::v2
