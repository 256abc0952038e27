#include "nnunet/v2/auto_plan.h"

#include <gtest/gtest.h>

#include "nnunet/core/error.h"

namespace nnunet::v2 {
namespace {

using Names = std::vector<std::string>;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

PlannerOptions on_gpu(std::int64_t mebibytes) {
  return choose_planner({mebibytes * kMiB, 64 * 1024 * kMiB, 8}).options;
}
PlannerOptions on_cpu(int cores, std::int64_t mebibytes) {
  return choose_planner({0, mebibytes * kMiB, cores}).options;
}

TEST(AutoPlan, PlannerFollowsTheGpu) {
  EXPECT_EQ(on_gpu(143771).planner, "nnUNetPlannerResEncL");
  EXPECT_EQ(on_gpu(24217).planner, "nnUNetPlannerResEncL");  // sold as 24 GB
  EXPECT_EQ(on_gpu(16384).planner, "nnUNetPlannerResEncM");
  EXPECT_EQ(on_gpu(11019).planner, "nnUNetPlannerResEncM");  // sold as 11 GB
  EXPECT_EQ(on_gpu(8192).planner, "ExperimentPlanner");
  EXPECT_EQ(on_gpu(7982).gpu_memory_target, std::nullopt);  // sold as 8 GB
  EXPECT_EQ(on_gpu(6000).gpu_memory_target, 5.5);
  EXPECT_THROW(on_gpu(900), Error);
}

TEST(AutoPlan, OnCpusTheTargetGrowsWithTheCores) {
  EXPECT_EQ(on_cpu(2, 64 * 1024).gpu_memory_target, 1.0);
  EXPECT_EQ(on_cpu(16, 64 * 1024).gpu_memory_target, 4.0);
  EXPECT_EQ(on_cpu(16, 6 * 1024).gpu_memory_target, 3.0);
  EXPECT_EQ(on_cpu(64, 64 * 1024).gpu_memory_target, std::nullopt);
  EXPECT_EQ(on_cpu(64, 64 * 1024).planner, "ExperimentPlanner");
  EXPECT_THROW(on_cpu(64, 1024), Error);
}

TEST(AutoPlan, LengthFillsTheTime) {
  const BatchTime time{1.0, 0.5};
  const double full = 1000 * (250 * 1.0 + 50 * 0.5);
  EXPECT_EQ(training_seconds({}, time), full);
  EXPECT_EQ(training_length(2 * full, time), TrainingLength{});
  EXPECT_EQ(training_length(full / 2, time), (TrainingLength{500, 250, 50}));
  for (const double seconds : {13749.0, 5000.0, 400.0, 1e5}) {
    const TrainingLength length = training_length(seconds, time);
    EXPECT_LE(training_seconds(length, time), seconds);
    EXPECT_GT(training_seconds(length, time), 0.85 * seconds) << seconds;
    EXPECT_GE(length.epochs, 50);
  }
  EXPECT_THROW(training_length(200, time), Error);
  EXPECT_THROW(training_length(1e6, {0, 0}), Error);
}

TEST(AutoPlan, ScheduleAddsConfigurationsWhileTheyFit) {
  const Names five{"0", "1", "2", "3", "4"};
  const TrainingCost cost{{0.36, 0.0}, 0};  // 25 hours at full length
  std::map<std::string, TrainingCost> costs{{"3d_fullres", cost}, {"2d", cost}};
  const auto with = [&](double hours) { return training_schedule(costs, hours * 3600 / 0.9); };
  EXPECT_EQ(with(5).folds, Names{"0"});
  EXPECT_EQ(with(5).length, (TrainingLength{200, 250, 50}));
  EXPECT_EQ(with(13).folds, five);
  EXPECT_EQ(with(13).length.epochs, 104);
  EXPECT_EQ(with(126).configurations, Names{"3d_fullres"});
  EXPECT_EQ(with(126).length, TrainingLength{});
  EXPECT_EQ(with(251).configurations, (Names{"3d_fullres", "2d"}));
  EXPECT_NEAR(with(251).seconds, 250 * 3600, 1);
  costs["3d_lowres"] = costs["3d_cascade_fullres"] = cost;
  EXPECT_EQ(with(251).configurations, (Names{"3d_fullres", "2d"}));
  EXPECT_EQ(with(376).configurations, (Names{"3d_fullres", "3d_lowres", "3d_cascade_fullres"}));
  EXPECT_EQ(with(501).configurations, (Names{"3d_fullres", "3d_lowres", "3d_cascade_fullres", "2d"}));
  EXPECT_EQ(training_schedule({{"2d", cost}}, 4e7).configurations, Names{"2d"});
  EXPECT_THROW(training_schedule({}, 4e4), Error);
  EXPECT_THROW(with(1e-4), Error);
}

TEST(AutoPlan, FinalValidationTakesItsTime) {
  const TrainingCost cost{{1.0, 0.0}, 3600};
  const TrainingSchedule one = training_schedule({{"3d_fullres", cost}}, 5 * 3600 / 0.9);
  EXPECT_EQ(one.folds, Names{"0"});
  EXPECT_EQ(one.length, training_length(4 * 3600, cost.batch));
  EXPECT_LE(one.seconds, 5 * 3600);
  EXPECT_THROW(training_schedule({{"3d_fullres", cost}}, 3600), Error);
}

TEST(AutoPlan, CheckpointsTakeTheirTime) {
  const BatchTime time{1.0, 0.5, 10.0};
  EXPECT_EQ(training_seconds({50, 5, 1}, time), 50 * (5 * 1.0 + 0.5 + 10));
  EXPECT_LE(training_seconds(training_length(1000, time), time), 1000);
  EXPECT_LT(training_length(1000, time).iterations, training_length(1000, {1.0, 0.5}).iterations);
}

TEST(AutoPlan, WishesAreFollowed) {
  const TrainingCost cost{{1.0, 0.5}, 10};
  const std::map<std::string, TrainingCost> costs{{"3d_fullres", cost}, {"2d", cost}};
  const TrainingSchedule both = training_schedule(costs, 1e5, {{"2d", "3d_fullres"}, {"all"}, {}, {}});
  EXPECT_EQ(both.configurations, (Names{"2d", "3d_fullres"}));
  EXPECT_EQ(both.folds, Names{"all"});
  EXPECT_EQ(both.length, training_length(0.9e5 - 20, {2.0, 1.0}));
  const TrainingSchedule length = training_schedule(costs, 1, {{}, {}, 3, 10});
  EXPECT_EQ(length.folds.size(), 5U);
  EXPECT_EQ(length.length, (TrainingLength{3, 10, 2}));
  EXPECT_DOUBLE_EQ(length.seconds, 5 * (3 * (10 * 1.0 + 2 * 0.5) + 10));
  EXPECT_THROW(training_schedule(costs, 1e5, {{"3d_lowres"}, {}, {}, {}}), Error);
}

}  // namespace
}  // namespace nnunet::v2
