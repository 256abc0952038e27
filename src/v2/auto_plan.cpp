#include "nnunet/v2/auto_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"

namespace nnunet::v2 {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
/// A card sold with so many GB shows a little less of them.
constexpr double kShown = 0.95;
constexpr double kLarge = 24, kMedium = 11, kUsual = 8, kLeast = 1;
/// Of a CPU: float32 takes twice the memory of a GPU's half precision, and a core gets so many GB of patch.
constexpr double kMemoryShare = 0.5, kTargetPerCore = 0.25;

constexpr int kFewestEpochs = 50, kFewestIterations = 5, kFoldEpochs = 100, kIterationsPerValidation = 5;
constexpr double kTrainingShare = 0.9, kSecondsPerHour = 3600;

/// Downwards, to half a GB: the plans shall not hang on a few MB.
double half_steps(double gibibytes) {
  return std::floor(gibibytes * 2) / 2;
}

PlannerChoice with_target(double target, const std::string& device) {
  if (target < kLeast)
    throw Error("memory", fmt::format("{} leaves {:.1f} GB for training, too little for a patch", device, target),
                "free memory, or train on another machine");
  PlannerChoice choice;
  if (target < kUsual) choice.options.gpu_memory_target = target;
  choice.reason = fmt::format("{}: the default planner for {} GB", device, std::min(target, kUsual));
  return choice;
}

PlannerChoice preset(const std::string& planner, double gibibytes) {
  PlannerChoice choice;
  choice.options.planner = planner;
  choice.reason = fmt::format("a GPU with {:.1f} GB: {}", gibibytes, planner);
  return choice;
}

TrainingLength length_of(int epochs, int iterations) {
  return {epochs, iterations, std::max(1, iterations / kIterationsPerValidation)};
}

}  // namespace

PlannerChoice choose_planner(const TrainingDevice& device) {
  const double gpu = static_cast<double>(device.gpu_bytes) / kGiB,
               memory = static_cast<double>(device.memory_bytes) / kGiB;
  if (gpu >= kLarge * kShown) return preset("nnUNetPlannerResEncL", gpu);
  if (gpu >= kMedium * kShown) return preset("nnUNetPlannerResEncM", gpu);
  if (gpu >= kUsual * kShown) return with_target(kUsual, fmt::format("a GPU with {:.1f} GB", gpu));
  if (device.gpu_bytes > 0) return with_target(half_steps(gpu), fmt::format("a GPU with {:.1f} GB", gpu));
  const double by_cores = std::clamp(device.cores * kTargetPerCore, kLeast, kUsual);
  return with_target(half_steps(std::min(by_cores, memory * kMemoryShare)),
                     fmt::format("{} cores and {:.1f} GB of memory", device.cores, memory));
}

double training_seconds(const TrainingLength& length, const BatchTime& time) {
  return length.epochs * (length.iterations * time.training + length.validation_batches * time.validation);
}

TrainingLength training_length(double seconds, const BatchTime& time) {
  if (!(time.training > 0) || !(time.validation >= 0))
    throw Error("seconds a batch", fmt::format("{} and {} are no times", time.training, time.validation),
                "measure them anew");
  const TrainingLength full;
  if (const double epochs = std::floor(seconds / training_seconds(length_of(1, full.iterations), time));
      epochs >= kFewestEpochs)
    return length_of(static_cast<int>(std::min<double>(epochs, full.epochs)), full.iterations);
  for (int iterations = full.iterations - 1; iterations >= kFewestIterations; --iterations)
    if (const TrainingLength length = length_of(kFewestEpochs, iterations); training_seconds(length, time) <= seconds)
      return length;
  throw Error("time", fmt::format("{:.0f} s are too few: a batch takes {:.3g} s", seconds, time.training),
              "give more hours, or a faster machine");
}

TrainingSchedule training_schedule(const std::map<std::string, BatchTime>& times, double hours) {
  const std::string main = times.contains("3d_fullres") ? "3d_fullres" : "2d";
  if (!times.contains(main)) throw Error("times", "neither 3d_fullres nor 2d was measured", "measure one of them");
  const double budget = hours * kSecondsPerHour * kTrainingShare;
  const BatchTime& time = times.at(main);
  const TrainingLength full;
  TrainingSchedule schedule{{main}, {"0", "1", "2", "3", "4"}, {}, 0};
  const auto folds = static_cast<double>(schedule.folds.size());
  if (folds * training_seconds(length_of(kFoldEpochs, full.iterations), time) > budget) {
    schedule.folds = {"0"};
    schedule.length = training_length(budget, time);
    schedule.seconds = training_seconds(schedule.length, time);
    return schedule;
  }
  schedule.length = training_length(budget / folds, time);
  schedule.seconds = folds * training_seconds(schedule.length, time);
  if (schedule.length != full) return schedule;
  for (const auto& more : {std::vector<std::string>{"3d_lowres", "3d_cascade_fullres"}, {"2d"}}) {
    double seconds = 0;
    for (const std::string& name : more)
      seconds += times.contains(name) ? folds * training_seconds(full, times.at(name)) : budget;
    if (main == "2d" || schedule.seconds + seconds > budget) continue;
    schedule.configurations.insert(schedule.configurations.end(), more.begin(), more.end());
    schedule.seconds += seconds;
  }
  return schedule;
}

}  // namespace nnunet::v2
