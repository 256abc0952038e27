// Plans against nnU-Net v2's own (reference-v2/plan), and what happens to the files around them.
#include "message_of.h"
#include "nnunet/v2/planner.h"

#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/plan/v2_plan.h"
#include "nnunet/v2/splits.h"
#include "v2/raw_dataset_folders.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::DatasetFolders;
using test::tiny_dataset;
using test::tiny_fingerprint;

const fs::path kPlan = test::shared_dir() / "reference-v2/plan";
constexpr const char* kName = "Dataset001_Tiny";

using test::message_of;

/// The files in a folder, or the folders.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

/// As text: every digit, every kind of number and the order of the keys.
void expect_same_plans(const Json& ours, const Json& theirs) {
  EXPECT_EQ(python_json(ours, Keys::as_they_are), python_json(theirs, Keys::as_they_are));
}

PlannerOptions reference_options(const std::string& planner, const Json& options) {
  PlannerOptions found{.planner = planner};
  if (options.contains("gpu_memory_target_in_gb"))
    found.gpu_memory_target = options["gpu_memory_target_in_gb"].get<double>();
  if (options.contains("overwrite_target_spacing"))
    found.target_spacing = options["overwrite_target_spacing"].get<Spacing3>();
  if (options.contains("plans_name")) found.plans_name = options["plans_name"].get<std::string>();
  return found;
}

TEST(PlannerReference, SyntheticFingerprints) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/synthetic");
  std::size_t compared = 0;
  for (const fs::path& file : entries(kPlan / "synthetic")) {
    const Json reference = read_python_json(file);
    for (const auto& [planner, plans] : reference["plans"].items()) {
      SCOPED_TRACE(file.filename().string() + " " + planner);
      const PlannerInput input{.dataset_name = reference["name"].get<std::string>(),
                               .reader = planned_reader("/nowhere", reference["dataset_json"]),
                               .dataset = reference["dataset_json"],
                               .fingerprint = reference["fingerprint"]};
      expect_same_plans(make_plans(input, reference_options(planner, reference["options"])), plans);
      ++compared;
    }
  }
  EXPECT_GE(compared, 157U);
}

/// What the reference's README says of plans with other names than the planner's own.
PlannerOptions real_options(const Json& plans) {
  PlannerOptions options{.planner = plans["experiment_planner_used"].get<std::string>(),
                         .plans_name = plans["plans_name"].get<std::string>()};
  if (options.plans_name == "nnUNetPlansTiny") options.gpu_memory_target = 0.1;
  if (options.plans_name == "nnUNetPlansSpaced") options.target_spacing = Spacing3{1.2, 1.1, 1.0};
  if (options.plans_name == default_plans_name(options.planner)) options.plans_name.clear();
  return options;
}

TEST(PlannerReference, FilesOfRealDatasets) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/real");
  const DatasetFolders folders;
  std::size_t compared = 0;
  for (const fs::path& dataset : entries(kPlan / "real")) {
    const std::string name = dataset.filename().string();
    folders.add(name, read_python_json(dataset / "dataset.json"),
                read_python_json(dataset / "dataset_fingerprint.json"));
    for (const fs::path& file : entries(dataset)) {
      const Json plans = read_python_json(file);
      if (!plans.contains("plans_name")) continue;
      SCOPED_TRACE(file.string());
      const PlannedExperiment planned = plan_experiment(name, real_options(plans));
      EXPECT_EQ(planned.file, folders.preprocessed / name / file.filename());
      EXPECT_EQ(test::content(planned.file), test::content(file));
      ++compared;
    }
    EXPECT_EQ(test::content(folders.preprocessed / name / "dataset.json"),
              test::content(folders.raw / name / "dataset.json"));
  }
  EXPECT_GE(compared, 31U);
}

TEST(PlannerReference, NormalizationOfChannels) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/functions.json");
  const Json names = read_python_json(kPlan / "functions.json")["normalization_of_channel_name"];
  EXPECT_GE(names.size(), 10U);
  for (const auto& [name, scheme] : names.items())
    EXPECT_EQ(normalization_of_channel(name), scheme.get<std::string>()) << name;
}

TEST(Planner, EveryPlanIsOneThatCanBeTrainedAndRead) {
  const PlannerInput input{.dataset_name = kName,
                           .reader = "SimpleITKIO",
                           .dataset = tiny_dataset(),
                           .fingerprint = tiny_fingerprint({900, 900, 900}, {1.0, 0.8, 0.8})};
  for (const std::string& planner : planner_names()) {
    const V2Files files{.plans = make_plans(input, {.planner = planner}), .dataset = input.dataset};
    EXPECT_EQ(v2_configurations(files),
              (std::vector<std::string>{"2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"}));
    for (const std::string& configuration : v2_configurations(files)) {
      SCOPED_TRACE(planner + " " + configuration);
      const V2Plan plan = read_v2_plan(files, configuration);
      EXPECT_EQ(plan.model.network->residual, planner.find("ResEnc") != std::string::npos);
    }
  }
}

TEST(Planner, MemoryThatIsTooSmallIsRefused) {
  const PlannerInput input{.dataset_name = kName,
                           .reader = "SimpleITKIO",
                           .dataset = tiny_dataset(),
                           .fingerprint = tiny_fingerprint({64, 64, 64}, {1, 1, 1})};
  const auto with = [&](double memory) {
    return message_of([&] { make_plans(input, {.gpu_memory_target = memory}); });
  };
  EXPECT_EQ(with(0.01), "");
  EXPECT_NE(with(1e-9).find("-gpu_memory_target: no patch fits"), std::string::npos) << with(1e-9);
  EXPECT_NE(with(0).find("-gpu_memory_target"), std::string::npos);
  EXPECT_NE(with(-8).find("-gpu_memory_target"), std::string::npos);
}

TEST(Planner, WhatTheFilesLackIsNamed) {
  const auto problem = [](const std::string& field, const Json& value, bool of_dataset = true) {
    PlannerInput input{.dataset_name = kName,
                       .reader = "SimpleITKIO",
                       .dataset = tiny_dataset(),
                       .fingerprint = tiny_fingerprint({64, 64, 64}, {1, 1, 1})};
    Json& changed = of_dataset ? input.dataset : input.fingerprint;
    value.is_null() ? void(changed.erase(field)) : void(changed[field] = value);
    return message_of([&] { make_plans(input, {}); });
  };
  for (const char* const field : {"channel_names", "labels", "numTraining"}) {
    EXPECT_NE(problem(field, nullptr).find("dataset.json"), std::string::npos) << field;
    EXPECT_NE(problem(field, "text").find("dataset.json"), std::string::npos) << field;
  }
  EXPECT_NE(problem("channel_names", Json::parse(R"({"0": 7})")).find("no text"), std::string::npos);
  for (const char* const field : {"spacings", "shapes_after_crop", "median_relative_size_after_cropping",
                                  "foreground_intensity_properties_per_channel"})
    EXPECT_NE(problem(field, nullptr, false).find(field), std::string::npos) << field;
  EXPECT_NE(problem("spacings", Json::parse("[[1, 1, 1]]"), false).find("1 spacings and 5 shapes"), std::string::npos);
  EXPECT_NE(problem("spacings", Json::parse("[[1, 0, 1]]"), false).find("three numbers above 0"), std::string::npos);
  EXPECT_NE(problem("shapes_after_crop", Json::parse("[[1, 1.5, 1]]"), false).find("three numbers above 0"),
            std::string::npos);
}

TEST(Planner, UnknownNamesAreRefusedAndKnownOnesListed) {
  const std::string unknown = message_of([] { default_plans_name("ExperimentPlaner"); });
  EXPECT_NE(unknown.find("nnUNetPlannerResEncL_torchres_sepz"), std::string::npos) << unknown;
  const DatasetFolders folders;
  folders.add(kName, tiny_dataset(), tiny_fingerprint({64, 64, 64}, {1, 1, 1}));
  for (const char* const name : {"a/b", "dataset", "splits_final", "dataset_fingerprint"})
    EXPECT_NE(message_of([&] { plan_experiment(kName, {.plans_name = name}); }).find("-overwrite_plans_name"),
              std::string::npos)
        << name;
  EXPECT_FALSE(fs::exists(folders.preprocessed / kName / "dataset.json"));  // nothing was written
  const std::string missing = message_of([&] { plan_experiment("Dataset002_None", {}); });
  EXPECT_NE(missing.find("dataset.json"), std::string::npos) << missing;
  fs::remove(folders.preprocessed / kName / "dataset_fingerprint.json");
  const std::string no_fingerprint = message_of([&] { plan_experiment(kName, {}); });
  EXPECT_NE(no_fingerprint.find("nnUNetv2_extract_fingerprint"), std::string::npos) << no_fingerprint;
}

TEST(Planner, TargetSpacingThatLeavesNoVoxelIsRefused) {
  const PlannerInput input{.dataset_name = kName,
                           .reader = "SimpleITKIO",
                           .dataset = tiny_dataset(),
                           .fingerprint = tiny_fingerprint({64, 64, 64}, {1, 1, 1})};
  const auto with = [&](const Spacing3& spacing) {
    return message_of([&] { make_plans(input, {.target_spacing = spacing}); });
  };
  EXPECT_EQ(with({2, 1, 1}), "");
  EXPECT_NE(with({1000, 1, 1}).find("no voxel along axis 0"), std::string::npos) << with({1000, 1, 1});
  EXPECT_NE(with({-1, 1, 1}).find("-overwrite_target_spacing"), std::string::npos);
}

TEST(Planner, ConfigurationsOfEarlierPlansAreKept) {
  const DatasetFolders folders;
  folders.add(kName, tiny_dataset(), tiny_fingerprint({300, 512, 512}, {1.0, 0.8, 0.8}));
  const fs::path file = plan_experiment(kName, {}).file;
  Json plans = read_python_json(file);
  plans["configurations"]["mine"] = Json::parse(R"({"inherits_from": "3d_fullres", "batch_size": 4})");
  plans["configurations"]["2d"]["batch_size"] = 1000;
  write_python_json(file, plans, Keys::as_they_are);

  folders.add(kName, tiny_dataset(), tiny_fingerprint({64, 64, 64}, {1, 1, 1}));  // too small for 3d_lowres
  testing::internal::CaptureStderr();
  const Json again = plan_experiment(kName, {}).plans;
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("3d_lowres is of earlier plans"), std::string::npos) << log;
  EXPECT_EQ(log.find("mine is of earlier plans"), std::string::npos) << log;
  EXPECT_EQ(v2_configurations({again, {}}),
            (std::vector<std::string>{"2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres", "mine"}));
  EXPECT_EQ(again["configurations"]["mine"], plans["configurations"]["mine"]);
  EXPECT_EQ(again["configurations"]["3d_lowres"], plans["configurations"]["3d_lowres"]);
  EXPECT_NE(again["configurations"]["2d"]["batch_size"], 1000);
  EXPECT_EQ(read_python_json(file), again);

  test::write(file, "[]");
  EXPECT_NE(message_of([&] { plan_experiment(kName, {}); }).find("no plans"), std::string::npos);
  EXPECT_EQ(test::content(file), "[]");
}

TEST(Planner, AnotherNumberOfCasesThanTheFingerprintsIsSaid) {
  const DatasetFolders folders;
  const auto log_of = [&](int cases) {
    Json dataset = tiny_dataset();
    dataset["numTraining"] = cases;
    folders.add(kName, dataset, tiny_fingerprint({64, 64, 64}, {1, 1, 1}));
    testing::internal::CaptureStderr();
    plan_experiment(kName, {});
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(log_of(5).find("numTraining"), std::string::npos);
  const std::string log = log_of(7);
  EXPECT_NE(log.find("\"numTraining\" is 7, but the fingerprint was made of 5 cases"), std::string::npos) << log;
}

TEST(Planner, RawSplitsAreCopiedOrCompared) {
  const DatasetFolders folders;
  folders.add(kName, tiny_dataset(), tiny_fingerprint({64, 64, 64}, {1, 1, 1}));
  const fs::path raw = folders.raw / kName / kSplitsFile, copy = folders.preprocessed / kName / kSplitsFile;
  write_splits(raw, {{{"a", "b"}, {"c"}}});
  plan_experiment(kName, {});
  EXPECT_EQ(test::content(copy), test::content(raw));
  write_splits(copy, {{{"b", "a"}, {"c"}}, {{"a"}, {"b"}}});  // more folds, another order
  plan_experiment(kName, {});
  write_splits(copy, {{{"b"}, {"c"}}});
  EXPECT_NE(message_of([&] { plan_experiment(kName, {}); }).find("fold 0"), std::string::npos);
  write_splits(copy, {});
  EXPECT_NE(message_of([&] { plan_experiment(kName, {}); }).find("fold 0"), std::string::npos);
}

TEST(Planner, ReaderIsThatOfTheDataset) {
  Json dataset = tiny_dataset();
  EXPECT_EQ(planned_reader("/nowhere", dataset), "SimpleITKIO");
  dataset["overwrite_image_reader_writer"] = "NibabelIOWithReorient";
  EXPECT_EQ(planned_reader("/nowhere", dataset), "NibabelIOWithReorient");
  for (const char* const none : {"None", "NoSuchReader"}) {
    dataset["overwrite_image_reader_writer"] = none;
    EXPECT_EQ(planned_reader("/nowhere", dataset), "SimpleITKIO");
  }
  dataset["file_ending"] = ".png";
  EXPECT_EQ(planned_reader("/nowhere", dataset), "NaturalImage2DIO");
  dataset["file_ending"] = ".xyz";
  EXPECT_NE(message_of([&] { planned_reader("/nowhere", dataset); }).find(".xyz"), std::string::npos);
}

class MovedPlans : public testing::Test {
 protected:
  void SetUp() override {
    folders_.add(kName, tiny_dataset(), tiny_fingerprint({64, 64, 64}, {1, 1, 1}));
    Json target = tiny_dataset();
    target["file_ending"] = ".nrrd";
    target["overwrite_image_reader_writer"] = "NibabelIO";
    write_python_json(folders_.raw / kTarget / "dataset.json", target, Keys::as_they_are);
    plan_experiment(kName, {.planner = "nnUNetPlannerResEncM", .plans_name = "nnUNetPlansX"});
  }
  fs::path source() const { return folders_.preprocessed / kName / "nnUNetPlansX.json"; }

  static constexpr const char* kTarget = "Dataset002_Target";
  DatasetFolders folders_;
};

TEST_F(MovedPlans, AreTheTargetsUnderANewName) {
  Json expected = read_python_json(source());
  expected["configurations"]["2d"]["data_identifier"] = "nnUNetPlansX_2d";
  write_python_json(source(), expected, Keys::as_they_are);
  const fs::path file = move_plans_between_datasets({kName, kTarget, "nnUNetPlansX", "Moved"});
  EXPECT_EQ(file, folders_.preprocessed / kTarget / "Moved.json");
  expected["dataset_name"] = kTarget;
  expected["plans_name"] = "Moved";
  expected["image_reader_writer"] = "NibabelIO";
  expected["configurations"]["2d"]["data_identifier"] = "Moved_2d";
  expected["configurations"]["3d_fullres"]["data_identifier"] = "Moved_nnUNetPlans_3d_fullres";
  EXPECT_EQ(test::content(file), python_json(expected, Keys::as_they_are));
  EXPECT_FALSE(fs::exists(folders_.preprocessed / kTarget / "dataset.json"));
}

TEST_F(MovedPlans, KeepTheirDataUnderTheSameName) {
  const fs::path file = move_plans_between_datasets({kName, kTarget, "nnUNetPlansX", {}});
  EXPECT_EQ(read_python_json(file)["configurations"], read_python_json(source())["configurations"]);
}

TEST_F(MovedPlans, AreRefusedWhereSomethingIsMissingOrWouldBeLost) {
  const auto problem = [&](const MovePlansOptions& options) {
    return message_of([&] { move_plans_between_datasets(options); });
  };
  EXPECT_NE(problem({kName, kTarget, "other", {}}).find("other.json"), std::string::npos);
  EXPECT_NE(problem({kName, "Dataset003_None", "nnUNetPlansX", {}}).find("Dataset003_None"), std::string::npos);
  EXPECT_NE(problem({kName, kTarget, "nnUNetPlansX", "a/b"}).find("-tp"), std::string::npos);
  const fs::path there = folders_.preprocessed / kTarget / "nnUNetPlansX.json";
  write_python_json(there, Json::parse(R"({"configurations": {"mine": {"batch_size": 4}}})"), Keys::as_they_are);
  EXPECT_NE(problem({kName, kTarget, "nnUNetPlansX", {}}).find("mine"), std::string::npos);
}

}  // namespace
}  // namespace nnunet::v2
