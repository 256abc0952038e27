// What nnunet auto leaves for people: the report, the script that predicts.
#include <gtest/gtest.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/auto_report.h"
#include "nnunet/v2/predict_script.h"
#include "v2/tiny_dataset.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using test::TinyDataset;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

AutoReport example_report() {
  AutoReport report;
  report.dataset = "Dataset001_<Tiny>";
  report.summary = "The best & only model.";
  report.decisions = {{"planned for", "2 cores"}};
  report.classes = {"a", "b"};
  report.folds = {{"3d_fullres", "0", {0.5, std::nan("")}, 0.5, 75, {}}};
  report.models = {{"nnUNetTrainer__nnUNetPlans__3d_fullres", 0.5}};
  report.best = report.models.front().first;
  report.dice_before = 0.5;
  report.dice_after = 0.625;
  report.postprocessed = true;
  report.best_cases = {{"case_1", {0.75, 0.25}, 0.5, {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}, 2}};
  report.stages = {{"check", 1}, {"plan", 59}};
  report.command = "predict.sh IMAGES LABEL_MAPS";
  return report;
}

TEST(AutoReport, SaysWhatItWasGivenInOneFile) {
  const std::string html = auto_report_html(example_report());
  for (const char* const part :
       {"<h1>Dataset001_&lt;Tiny&gt;</h1>", "The best &amp; only model.", "2 cores", ">0.5000<", ">–<", "1 min 15 s",
        "nnUNetTrainer__nnUNetPlans__3d_fullres (best)", "from 0.5000 to 0.6250", "predict.sh IMAGES LABEL_MAPS",
        "case_1: mean Dice 0.5000, a 0.7500, b 0.2500", "data:image/png;base64,AQIDBA==", "prefers-color-scheme: dark",
        "1 min 00 s"})
    EXPECT_TRUE(has(html, part)) << part;
  EXPECT_FALSE(has(html, "<script"));
  EXPECT_FALSE(has(html, "http"));
  EXPECT_FALSE(has(html, "Worst cases"));
}

TEST(AutoReport, DrawsCurvesOfEachTraining) {
  const TempFolder folder;
  ReportedFold fold{"2d", "1", {}, 0, 0, {}};
  fold.log.train_losses = fold.log.val_losses = {0.5F, 0.1F, -0.3F};
  fold.log.mean_fg_dice = fold.log.ema_fg_dice = {0.1F, std::nanf(""), 0.4F};
  fold.log.dice_per_class_or_region = {{0.1F}, {0.2F}, {0.4F}};
  fold.log.lrs = fold.log.epoch_start_timestamps = fold.log.epoch_end_timestamps = {1, 2, 3};
  draw_curves(folder / "curves.png", {fold});
  EXPECT_EQ(read_text(folder / "curves.png").substr(1, 3), "PNG");
}

TEST(AutoReport, CasesComeBestFirstWithTheLabelsInTheirOrder) {
  const TempFolder folder;
  write_text(folder / "summary.json", R"({"metric_per_case": [
    {"metrics": {"1": {"Dice": 0.5}, "10": {"Dice": NaN}, "2": {"Dice": 0.3}}, "prediction_file": "/p/x.nii.gz"},
    {"metrics": {"1": {"Dice": NaN}, "10": {"Dice": NaN}, "2": {"Dice": NaN}}, "prediction_file": "/p/none.nii.gz"},
    {"metrics": {"1": {"Dice": 0.9}, "10": {"Dice": 0.6}, "2": {"Dice": 0.9}}, "prediction_file": "/p/y.nii.gz"}]})");
  DatasetLabels labels;
  labels.file_ending = ".nii.gz";
  labels.foreground = {{{1}, false}, {{2}, false}, {{10}, false}};
  const std::vector<ReportedCase> cases = scored_cases(folder / "summary.json", labels);
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[0].name, "y");
  EXPECT_EQ(cases[0].dice, (std::vector<double>{0.9, 0.9, 0.6}));
  EXPECT_DOUBLE_EQ(cases[1].mean, 0.4);
  labels.foreground.push_back({{11}, false});
  EXPECT_THROW(scored_cases(folder / "summary.json", labels), Error);
}

TEST(AutoReport, NamesFollowWhatIsScored) {
  DatasetLabels labels;
  labels.foreground = {{{1, 2}, true}, {{2}, false}};
  EXPECT_EQ(scored_names(Json::parse(R"({"labels": {"background": 0, "core": 2, "whole": [1, 2]}})"), labels),
            (std::vector<std::string>{"whole", "core"}));
}

TEST(AutoReport, PicturesShowTheSliceWithMostOfTheReference) {
  const TempFolder folder;
  const TinyDataset tiny(folder / "Dataset001_Tiny");
  ReportedCase one;
  draw_case(one, tiny.image("case_1"), tiny.label("case_1"), tiny.label("case_1"));
  ASSERT_FALSE(one.picture.empty());
  EXPECT_DOUBLE_EQ(one.width_of_height, 2 * 5.0 / 6.0);
  EXPECT_THROW(draw_case(one, tiny.image("case_1"), tiny.label("case_1"), tiny.label("case_2")), Error);
}

TEST(PredictScript, OneModel) {
  const std::string text = predict_script({{{"/run/results/D/T__P__2d"}}, {"0", "1"}}, "/run", "/usr/bin/nnunet");
  EXPECT_TRUE(has(text,
                  "\"$nnunet\" v2 predict_from_modelfolder -i \"$images\" -o \"$labels\" -m "
                  "\"$here\"/results/D/T__P__2d -f 0 1 \"$@\"\n"));
  EXPECT_FALSE(has(text, ".steps"));
}

TEST(PredictScript, EnsembleOfACascadePostprocessed) {
  const std::string text =
      predict_script({{{"/run/a b/full", "/run/a b/low"}, {"/else/2d"}}, {"0"}, "/run/p.pkl", "/run/plans.json"},
                     "/run", "/usr/bin/nnunet");
  for (const char* const line :
       {"-o \"$labels\"/.steps/previous_stage_1 -m \"$here\"/'a b/low' -f 0 \"$@\"\n",
        "-o \"$labels\"/.steps/model_1 -m \"$here\"/'a b/full' -f 0 --save_probabilities -prev_stage_predictions "
        "\"$labels\"/.steps/previous_stage_1 \"$@\"\n",
        "-o \"$labels\"/.steps/model_2 -m /else/2d -f 0 --save_probabilities \"$@\"\n",
        "v2 ensemble -i \"$labels\"/.steps/model_1 \"$labels\"/.steps/model_2 -o \"$labels\"/.steps/unprocessed\n",
        "v2 apply_postprocessing -i \"$labels\"/.steps/unprocessed -o \"$labels\" -pp_pkl_file \"$here\"/p.pkl "
        "-plans_json \"$here\"/plans.json\n",
        "rm -r \"$labels\"/.steps\n"})
    EXPECT_TRUE(has(text, line)) << line << '\n' << text;
}

TEST(PredictScript, WordsAreQuoted) {
  EXPECT_EQ(shell_word("/a/b-1.nii.gz"), "/a/b-1.nii.gz");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace nnunet::v2
