#include <gtest/gtest.h>

#include <functional>

#include "train/resume_check.h"

namespace nnunet {
namespace {

TrainingRecord record() {
  TrainingRecord r;
  r.data.patch_size = {8, 16, 16};
  r.data.spacings = {2, 1, 1};
  r.data.n_class = 3;
  r.data.in_channels = 1;
  r.data.labels = {"background", "liver", "tumour"};
  r.data.task = "03";
  r.data.options = R"({"dilation": false, "case list": "1"})";
  r.options = {{"fold", "0"},
               {"nfolds", "5"},
               {"focal", "false"},
               {"local_dice", "false"},
               {"test_batches", "2"},
               {"batch_size", "2"},
               {"seed", "1"},
               {"train_batches", "0"},
               {"tta", "false"},
               {"optimizer", "adam"},
               {"learning_rate", "0.001"},
               {"oversampling", "0.33"}};
  r.train = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  r.validation = {{"d", "4"}, {"e", "5"}};
  return r;
}

using Change = std::function<void(TrainingRecord&)>;

ResumeCheck after(const Change& change) {
  TrainingRecord now = record();
  change(now);
  return compare_trainings(record(), now);
}

TEST(ResumeCheck, TheSameTraining) {
  const ResumeCheck check = after([](TrainingRecord&) {});
  EXPECT_TRUE(check.refused.empty() && check.said.empty() && check.unknown.empty() && check.leaked.empty());
  EXPECT_FALSE(check.epoch_anew);
}

TEST(ResumeCheck, AnotherTrainingIsRefused) {
  const std::vector<std::pair<std::string, Change>> changes{
      {"fold: 0 before, 1 now", [](auto& r) { r.options["fold"] = "1"; }},
      {"nfolds: 5 before, 3 now", [](auto& r) { r.options["nfolds"] = "3"; }},
      {"focal: false before, true now", [](auto& r) { r.options["focal"] = "true"; }},
      {"local_dice: false before, true now", [](auto& r) { r.options["local_dice"] = "true"; }},
      {"test_batches: 2 before, 1 now", [](auto& r) { r.options["test_batches"] = "1"; }},
      {"task: 03 before, 07 now", [](auto& r) { r.data.task = "07"; }},
      {"modality: MRI before, CT now", [](auto& r) { r.data.modality = "CT"; }},
      {"CT statistics: none before, -17 201 99.4 39.36 now",
       [](auto& r) {
         r.data.ct = CtStats{-17, 201, 99.4, 39.36};
       }},
      {"channels: 1 before, 2 now", [](auto& r) { r.data.in_channels = 2; }},
      {"classes: 3 before, 4 now", [](auto& r) { r.data.n_class = 4; }},
      {"labels: background, liver, tumour before, background, tumour, liver now",
       [](auto& r) { std::swap(r.data.labels[1], r.data.labels[2]); }},
      {"patch: 8x16x16 before, 8x16x8 now", [](auto& r) { r.data.patch_size[2] = 8; }},
      {"spacing: 2 1 1 before, 3 1 1 now", [](auto& r) { r.data.spacings[0] = 3; }},
      {"preprocess --dilation: false before, true now", [](auto& r) { r.data.options = R"({"dilation": true})"; }},
      {"training cases: 1 new (f)", [](auto& r) { r.train["f"] = "6"; }},
      {"training cases: 1 gone (b)", [](auto& r) { r.train.erase("b"); }},
      {"training cases: 2 with another content (a, b)", [](auto& r) { r.train["a"] = r.train["b"] = "0"; }},
      {"validation cases: 1 new (f), 1 gone (e), 1 with another content (d)",
       [](auto& r) {
         r.validation = {{"d", "0"}, {"f", "6"}};
       }},
  };
  for (const auto& [text, change] : changes) {
    const ResumeCheck check = after(change);
    EXPECT_EQ(check.refused, std::vector<std::string>{text});
    EXPECT_TRUE(check.said.empty()) << text;
    EXPECT_TRUE(check.epoch_anew) << text;
  }
}

TEST(ResumeCheck, OtherOptionsAreSaid) {
  for (const char* const name :
       {"batch_size", "seed", "train_batches", "tta", "optimizer", "learning_rate", "oversampling"}) {
    const ResumeCheck check = after([&](TrainingRecord& r) { r.options[name] = "9"; });
    EXPECT_TRUE(check.refused.empty()) << name;
    ASSERT_EQ(check.said.size(), 1U) << name;
    EXPECT_TRUE(check.said[0].starts_with(std::string(name) + ": ") && check.said[0].ends_with(" before, 9 now"));
  }
  EXPECT_TRUE(after([](TrainingRecord& r) { r.options["seed"] = "9"; }).epoch_anew);
  EXPECT_FALSE(after([](TrainingRecord& r) { r.options["learning_rate"] = "9"; }).epoch_anew);
}

TEST(ResumeCheck, ValidationCasesThatWereTrainedOnAreNamed) {
  const ResumeCheck check = after([](TrainingRecord& r) {
    std::swap(r.train["a"], r.validation["a"]);
    r.train.erase("a");
  });
  EXPECT_EQ(check.leaked, std::vector<std::string>{"a"});
  EXPECT_EQ(check.refused.size(), 2U);

  // Trained on before an earlier, forced change of folds.
  TrainingRecord before = record();
  before.trained_before["d"] = "4";
  EXPECT_EQ(compare_trainings(before, record()).leaked, std::vector<std::string>{"d"});
  EXPECT_TRUE(compare_trainings(before, record()).refused.empty());

  // Another task has other cases of the same names, unless their content is the same.
  TrainingRecord other = record();
  other.data.task = "07";
  other.validation = {{"a", "1"}, {"b", "7"}};
  EXPECT_EQ(leaked_cases(record(), other), std::vector<std::string>{"a"});
}

TEST(ResumeCheck, WhatWasTrainedOnIsPassedOn) {
  TrainingRecord before = record(), now = record();
  before.trained_before["z"] = "26";
  now.train = {{"a", "1"}, {"d", "4"}};
  inherit_cases(before, now);
  EXPECT_EQ(now.trained_before, (CaseIdentities{{"b", "2"}, {"c", "3"}, {"z", "26"}}));
}

TEST(ResumeCheck, OlderCheckpointsSayLess) {
  TrainingRecord before = record();
  before.has_cases = false;
  before.train.clear();
  before.validation.clear();
  before.options.erase("local_dice");
  before.data.labels.clear();
  const ResumeCheck check = compare_trainings(before, record());
  EXPECT_TRUE(check.refused.empty() && check.said.empty());
  EXPECT_EQ(check.unknown, (std::vector<std::string>{"the cases", "local_dice"}));
}

TEST(ResumeCheck, TheRecordSurvivesACheckpoint) {
  TrainingRecord before = record();
  before.trained_before["z"] = "26";
  Checkpoint checkpoint;
  checkpoint.data = before.data;
  checkpoint.training = Value::Dict{{"options", options_value(before)}, {"cases", cases_value(before)}};
  const TrainingRecord read = record_of(checkpoint, "test");
  EXPECT_TRUE(read.has_cases);
  EXPECT_EQ(read.options, before.options);
  EXPECT_EQ(read.train, before.train);
  EXPECT_EQ(read.validation, before.validation);
  EXPECT_EQ(read.trained_before, before.trained_before);
  checkpoint.training = Value::Dict{{"optimizer_name", Value("sgd")}};
  EXPECT_FALSE(record_of(checkpoint, "test").has_cases);
  EXPECT_EQ(record_of(checkpoint, "test").options.at("optimizer"), "sgd");
}

}  // namespace
}  // namespace nnunet
