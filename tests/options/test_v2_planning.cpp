// nnUNetv2_plan_experiment and nnUNetv2_move_plans_between_datasets from outside.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/program.h"
#include "reference/shared.h"
#include "v2/blocks/argparse.h"
#include "v2/blocks/planning.h"

namespace nnunet::app {
namespace {

using test::Outcome;
using test::shell;

const std::string bin = NNUNET_BINARY_DIR "/bin/v2/";

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

class V2Planning : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* const name : {"Dataset001_A", "Dataset002_B"})
      write(folder_ / "raw" / name / "dataset.json",
            R"({"channel_names": {"0": "MR"}, "labels": {"background": 0, "a": 1}, "numTraining": 5,)"
            R"( "file_ending": ".nii.gz"})");
    write(folder_ / "pre/Dataset001_A/dataset_fingerprint.json",
          R"({"spacings": [[1, 1, 1]], "shapes_after_crop": [[40, 50, 60]],)"
          R"( "median_relative_size_after_cropping": 0.5, "foreground_intensity_properties_per_channel": {"0": {}}})");
    environment_ =
        "nnUNet_raw=" + (folder_ / "raw").string() + " nnUNet_preprocessed=" + (folder_ / "pre").string() + " " + bin;
  }
  bool there(const std::string& name) const { return std::filesystem::exists(folder_ / "pre" / name); }

  test::TempFolder folder_;
  std::string environment_;
};

TEST_F(V2Planning, OneBadDatasetDoesNotStopTheOthers) {
  EXPECT_FAILS(shell(environment_ + "nnUNetv2_plan_experiment -d 2 7 1 -pl nnUNetPlannerResEncM"), "Dataset002_B",
               "nnUNetv2_extract_fingerprint", "dataset 7", "3d_fullres", "40 x 50 x 60");
  EXPECT_TRUE(there("Dataset001_A/nnUNetResEncUNetMPlans.json"));
}

TEST_F(V2Planning, PlansMoveBetweenDatasets) {
  EXPECT_EQ(shell(environment_ + "nnUNetv2_plan_experiment -d 1 -overwrite_target_spacing 2 1 1 -gpu_memory_target 4 "
                                 "-overwrite_plans_name mine")
                .code,
            0);
  EXPECT_EQ(shell(environment_ + "nnUNetv2_move_plans_between_datasets -s 1 -t 2 -sp mine -tp theirs").code, 0);
  EXPECT_TRUE(there("Dataset001_A/mine.json") && there("Dataset002_B/theirs.json"));
}

TEST_F(V2Planning, ConfigurationsOfUsersAreShownWithWhatTheyInherit) {
  const std::string plan = environment_ + "nnUNetv2_plan_experiment -d 1";
  ASSERT_EQ(shell(plan).code, 0);
  const std::filesystem::path file = folder_ / "pre/Dataset001_A/nnUNetPlans.json";
  auto plans = nlohmann::ordered_json::parse(test::read(file));
  auto& configurations = plans["configurations"];
  const nlohmann::ordered_json own = configurations["3d_fullres"]["architecture"];
  configurations["mine"] = {{"inherits_from", "3d_fullres"}, {"patch_size", {16, 16, 24}}, {"architecture", own}};
  configurations["bare"] = {{"architecture", nlohmann::ordered_json::object()}};
  configurations["orphan"] = {{"inherits_from", "nobody"}, {"architecture", own}};
  write(file, plans.dump());
  const auto again = shell(plan);
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_TRUE(std::regex_search(again.text, std::regex("mine +1 x 1 x 1 +40 x 50 x 60 +16 x 16 x 24 "))) << again.text;
  EXPECT_TRUE(std::regex_search(again.text, std::regex("bare +- +- +- +- +-"))) << again.text;
  EXPECT_NE(again.text.find("from which \"orphan\" inherits"), std::string::npos) << again.text;
}

TEST_F(V2Planning, WrongFlagsAreNamed) {
  const std::string plan = environment_ + "nnUNetv2_plan_experiment ";
  EXPECT_FAILS(shell(plan + "-d 1 -pl Nobody"), "Nobody", "nnUNetPlannerResEncXL");
  EXPECT_FAILS(shell(plan + "-d 1 -overwrite_target_spacing 1 1"), "-overwrite_target_spacing", "three");
  EXPECT_EQ(shell(plan + "-d 1 -gpu_memory_target 0").code, 2);
  EXPECT_EQ(shell(plan).code, 2);
}

TEST(V2PlanningFlags, DefaultsAreNnUNets) {
  V2PlanExperimentFlags flags;
  EXPECT_TRUE(parse_arguments(v2_plan_experiment_command(flags), {"-d", "4", "7"}));
  EXPECT_EQ(flags.datasets, (std::vector<std::string>{"4", "7"}));
  EXPECT_EQ(flags.planner.planner, "ExperimentPlanner");
  EXPECT_EQ(flags.planner.preprocessor, "DefaultPreprocessor");
  EXPECT_EQ(flags.planner.gpu_memory_target, 0);
  EXPECT_TRUE(flags.planner.target_spacing.empty() && flags.planner.plans_name.empty());
}

}  // namespace
}  // namespace nnunet::app
