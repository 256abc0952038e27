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
constexpr double kTrainingShare = 0.9;

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

/// Of several configurations together: they have the same length.
TrainingCost cost_of(const std::map<std::string, TrainingCost>& costs, const std::vector<std::string>& configurations) {
  TrainingCost sum;
  for (const std::string& name : configurations) {
    const auto found = costs.find(name);
    if (found == costs.end())
      throw Error(name, "it is not known how long this configuration takes", "leave it out, or measure it");
    sum.batch.training += found->second.batch.training;
    sum.batch.validation += found->second.batch.validation;
    sum.batch.epoch += found->second.batch.epoch;
    sum.final_validation += found->second.final_validation;
  }
  return sum;
}

double schedule_seconds(const std::vector<std::string>& folds, const TrainingLength& length, const TrainingCost& cost) {
  return static_cast<double>(folds.size()) * (training_seconds(length, cost.batch) + cost.final_validation);
}

/// What fits beside the first configuration: the cascade, then 2d.
void add_configurations(TrainingSchedule& schedule, const std::map<std::string, TrainingCost>& costs, double budget) {
  for (const auto& more : {std::vector<std::string>{"3d_lowres", "3d_cascade_fullres"}, {"2d"}}) {
    std::vector<std::string> all = schedule.configurations;
    all.insert(all.end(), more.begin(), more.end());
    const bool known = std::ranges::all_of(more, [&](const std::string& name) { return costs.contains(name); });
    if (!known || schedule.configurations.front() == "2d") continue;
    if (schedule_seconds(schedule.folds, schedule.length, cost_of(costs, all)) <= budget)
      schedule.configurations = std::move(all);
  }
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
  return length.epochs * (length.iterations * time.training + length.validation_batches * time.validation + time.epoch);
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

TrainingSchedule training_schedule(const std::map<std::string, TrainingCost>& costs, double seconds,
                                   const ScheduleWishes& wishes) {
  const double budget = seconds * kTrainingShare;
  const bool free_choice = wishes.configurations.empty();
  TrainingSchedule schedule{wishes.configurations, wishes.folds, {}, 0};
  if (free_choice) schedule.configurations = {costs.contains("3d_fullres") ? "3d_fullres" : "2d"};
  TrainingCost cost = cost_of(costs, schedule.configurations);
  if (schedule.folds.empty()) {
    schedule.folds = {"0", "1", "2", "3", "4"};
    if (!wishes.epochs && !wishes.iterations &&
        schedule_seconds(schedule.folds, length_of(kFoldEpochs, TrainingLength{}.iterations), cost) > budget)
      schedule.folds = {"0"};
  }
  if (wishes.epochs || wishes.iterations) {
    const TrainingLength full;
    schedule.length = length_of(wishes.epochs.value_or(full.epochs), wishes.iterations.value_or(full.iterations));
  } else {
    schedule.length =
        training_length(budget / static_cast<double>(schedule.folds.size()) - cost.final_validation, cost.batch);
  }
  if (free_choice && schedule.length == TrainingLength{}) add_configurations(schedule, costs, budget);
  schedule.seconds = schedule_seconds(schedule.folds, schedule.length, cost_of(costs, schedule.configurations));
  return schedule;
}

}  // namespace nnunet::v2
