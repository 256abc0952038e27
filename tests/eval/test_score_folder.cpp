#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/eval/prediction.h"
#include "nnunet/eval/score_folder.h"
#include "nnunet/io/npy.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

using Labels = Array<std::uint8_t>;

LabelMap with_geometry(const Labels& voxels, const Spacing3& spacing, double origin = 0) {
  LabelMap map{voxels, {}};
  map.geometry.shape = voxels.spatial();
  map.geometry.spacing = spacing;
  for (std::size_t a = 0; a < 3; ++a) map.geometry.affine[a][a] = spacing[2 - a];
  map.geometry.affine[0][3] = origin;
  map.geometry.affine[3][3] = 1;
  return map;
}

/// A row of voxels along x, as a (1,1,n) map would be too thin for a volume: (2,2,n) with equal rows.
Labels rows(const std::vector<int>& values) {
  Labels map({2, 2, static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < map.values.size(); ++i)
    map.values[i] = static_cast<std::uint8_t>(values[i % values.size()]);
  return map;
}

Array<float> softmax_of(const Labels& map, int n_class) {
  Array<float> softmax({n_class, map.shape[0], map.shape[1], map.shape[2]}, 0.1F);
  for (std::size_t i = 0; i < map.values.size(); ++i) softmax.values[map.values[i] * map.values.size() + i] = 0.8F;
  return softmax;
}

/// Folders preds and lbls.
struct Folders : ::testing::Test {
  test::TempFolder folder;
  std::filesystem::path preds = folder / "preds", lbls = folder / "lbls";

  void SetUp() override {
    std::filesystem::create_directory(preds);
    std::filesystem::create_directory(lbls);
  }
  FolderScore score() const { return score_folder({preds, lbls, 2}); }
};

using ScoreFolder = Folders;

/// Toy label maps and the scores that nnU-Net v2 gave them. It has no Dice for a class that is in neither map.
TEST(ScoreReference, DicePrecisionAndRecallAreNnunetV2s) {
  const auto folder = test::reference_file("reference-v2/run/eval/labels");
  std::ostringstream text;
  text << std::ifstream(folder / "pred/summary.json").rdbuf();
  const auto summary = nlohmann::json::parse(std::regex_replace(text.str(), std::regex("NaN"), "null"));
  const FolderScore score = score_folder({folder / "pred", folder / "ref", 2});
  const auto& expected = summary.at("metric_per_case");
  ASSERT_TRUE(score.failures.empty());
  ASSERT_EQ(score.cases.size(), expected.size());
  int compared = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    for (std::size_t c = 1; c <= score.cases[i].classes.size(); ++c) {
      SCOPED_TRACE(score.cases[i].name + ", class " + std::to_string(c));
      const ClassScore& found = score.cases[i].classes[c - 1];
      const auto& wanted = expected[i].at("metrics").at(std::to_string(c));
      const auto tp = wanted.at("TP").get<double>(), n_pred = wanted.at("n_pred").get<double>(),
                 n_ref = wanted.at("n_ref").get<double>();
      EXPECT_NEAR(found.dice, n_pred + n_ref > 0 ? wanted.at("Dice").get<double>() : 1, 1e-12);
      EXPECT_EQ(found.precision.has_value(), n_pred > 0);
      EXPECT_EQ(found.recall.has_value(), n_ref > 0);
      EXPECT_NEAR(found.precision.value_or(0), n_pred > 0 ? tp / n_pred : 0, 1e-12);
      EXPECT_NEAR(found.recall.value_or(0), n_ref > 0 ? tp / n_ref : 0, 1e-12);
      ++compared;
    }
  EXPECT_EQ(compared, 12);
}

TEST_F(ScoreFolder, MeansOverCasesThenClasses) {
  // Case a: class 1 Dice 2*1/(1+2), class 2 Dice 1, voxels 2 x 2 x (x).
  write_label_map(lbls / "a.nii.gz", with_geometry(rows({1, 1, 0, 2}), {2, 1, 3}));
  write_npy(preds / "a.npy", softmax_of(rows({1, 0, 0, 2}), 3));
  // Case b: class 2 absent from both; class 1 perfect.
  write_label_map(lbls / "b.nii", with_geometry(rows({1, 0, 0}), {1, 1, 1}));
  write_label_map(preds / "b.nii.gz", with_geometry(rows({1, 0, 0}), {1, 1, 1}));
  // A label that nobody predicted is no failure.
  write_label_map(lbls / "c.nii.gz", with_geometry(rows({1}), {1, 1, 1}));

  const FolderScore result = score();
  ASSERT_TRUE(result.failures.empty());
  ASSERT_EQ(result.cases.size(), 2U);
  EXPECT_EQ(result.labels_left, 1);
  EXPECT_EQ(result.cases[0].name, "a");
  ASSERT_EQ(result.cases[1].classes.size(), 2U);
  EXPECT_NEAR(result.classes[0].dice, (2. / 3 + 1) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(result.classes[1].dice, 1);
  EXPECT_NEAR(result.mean_dice.value(), (5. / 6 + 1) / 2, 1e-12);
  // Class 1 of case a: all voxels are surface; the label's second column is 3 mm away from the prediction.
  EXPECT_NEAR(result.cases[0].classes[0].hd95.value(), 3, 1e-6);
  EXPECT_NEAR(result.classes[0].hd95.value(), 1.5, 1e-6);
  EXPECT_EQ(result.classes[1].cases_hd95, 1);
  EXPECT_EQ(result.classes[1].cases_label, 1);
  EXPECT_NEAR(result.cases[0].classes[0].volume_label, 8 * 6e-3, 1e-9);
  EXPECT_NEAR(result.classes[0].volume_pred, (4 * 6e-3 + 4e-3) / 2, 1e-9);

  const std::string text = score_text(result);
  EXPECT_TRUE(text.ends_with("\nmean dice: 0.9167 - L1 0.8333 L2 1.0000\n")) << text;
  EXPECT_NE(text.find("L2     1.0000  2       0.00  1     1.0000  1  1.0000  1"), std::string::npos) << text;
  EXPECT_NE(text.find("n: cases in the mean; HD95 needs the class in label and prediction"), std::string::npos) << text;
  EXPECT_EQ(text.find("left out"), std::string::npos) << text;
  EXPECT_NE(text.find("Labels without a prediction, not scored: 1."), std::string::npos) << text;
}

TEST_F(ScoreFolder, CsvAndJson) {
  write_npy(lbls / "a,1.npy", rows({1, 1, 0, 0}));
  write_npy(preds / "a,1.npy", rows({1, 1, 2, 2}));
  const FolderScore result = score();
  EXPECT_EQ(score_csv(result),
            "case,class,dice,hd95_mm,precision,recall,volume_pred_ml,volume_label_ml\n"
            "\"a,1\",L1,1,0,1,1,0.008,0.008\n"
            "\"a,1\",L2,0,,0,,0.008,0\n");
  const auto json = nlohmann::ordered_json::parse(score_json(result));
  EXPECT_DOUBLE_EQ(json.at("mean dice"), 0.5);
  EXPECT_DOUBLE_EQ(json.at("classes").at("L1").at("recall"), 1);
  EXPECT_TRUE(json.at("classes").at("L2").at("hd95_mm").is_null());
  EXPECT_EQ(json.at("classes").at("L2").at("cases_with_label"), 0);
  EXPECT_EQ(json.at("cases").at(0).at("name"), "a,1");
  EXPECT_DOUBLE_EQ(json.at("cases").at(0).at("classes").at("L2").at("volume_pred_ml"), 0.008);
  EXPECT_TRUE(json.at("failures").empty());
}

TEST_F(ScoreFolder, BadCasesAreNamedAndTheOthersScored) {
  const LabelMap label = with_geometry(rows({1, 0, 1}), {1, 1, 1});
  for (const char* name : {"good", "shape", "truncated", "nan", "fraction", "twice", "order", "type"})
    write_label_map(lbls / (std::string(name) + ".nii.gz"), label);
  write_npy(preds / "good.npy", label.voxels);
  write_npy(preds / "alone.npy", label.voxels);
  write_npy(preds / "shape.npy", rows({1, 0}));
  std::ofstream(preds / "truncated.npy", std::ios::binary) << "\x93NUMPY";
  Array<float> broken = softmax_of(label.voxels, 2);
  broken.values[3] = NAN;
  write_npy(preds / "nan.npy", broken);
  write_npy(preds / "fraction.npy", Array<float>({2, 2, 3}, 0.5F));
  write_npy(preds / "twice.npy", label.voxels);
  write_label_map(preds / "twice.nii.gz", label);
  write_npy(preds / "order.npy", Array<float>({2, 3}, 0.F));
  write_npy(preds / "type.npy", Array<std::int64_t>({2, 2, 2, 3}));
  std::ofstream(preds / "notes.txt") << "not a prediction";

  const FolderScore result = score();
  ASSERT_EQ(result.cases.size(), 1U);
  EXPECT_EQ(result.cases[0].name, "good");
  std::vector<std::string> failed;
  for (const auto& failure : result.failures) failed.push_back(failure.name);
  EXPECT_EQ(failed,
            (std::vector<std::string>{"alone", "fraction", "nan", "order", "shape", "truncated", "twice", "type"}));
  const std::string text = score_text(result);
  EXPECT_NE(text.find("not scored: alone: there is no alone.nii.gz"), std::string::npos) << text;
  EXPECT_NE(text.find("not scored: shape: "), std::string::npos) << text;
  EXPECT_NE(text.find("2x2x2 is not that of the label, 2x2x3"), std::string::npos) << text;
  EXPECT_NE(text.find("holds several files of this case"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("mean dice: 1.0000 - L1 1.0000\n")) << text;
}

TEST_F(ScoreFolder, FilesDirectly) {
  write_npy(preds / "any.npy", rows({1, 0}));
  write_label_map(lbls / "case.nii.gz", with_geometry(rows({1, 0}), {1, 1, 1}));
  EXPECT_DOUBLE_EQ(score_folder({preds / "any.npy", lbls / "case.nii.gz", 1}).mean_dice.value(), 1);
  EXPECT_EQ(score_folder({preds / "any.npy", lbls, 1}).failures.size(), 1U);
  EXPECT_THROW(score_folder({preds, lbls / "case.nii.gz", 1}), Error);
  write_npy(preds / "case.npy", rows({0, 0}));
  const FolderScore one = score_folder({preds, lbls / "case.nii.gz", 1});
  ASSERT_EQ(one.cases.size(), 1U);
  EXPECT_DOUBLE_EQ(one.mean_dice.value(), 0);
}

TEST_F(ScoreFolder, NothingToScore) {
  EXPECT_THROW(score(), Error);
  EXPECT_THROW(score_folder({folder / "absent", lbls, 0}), Error);
  write_npy(preds / "a.npy", rows({1, 0}));
  EXPECT_THROW(score_folder({preds, folder / "absent", 0}), Error);
  const FolderScore result = score();
  EXPECT_EQ(result.failures.size(), 1U);
  EXPECT_EQ(score_text(result).find("mean dice"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::parse(score_json(result)).at("mean dice").is_null());
  write_npy(lbls / "a.npy", rows({0, 0}));
  write_npy(preds / "a.npy", rows({0, 0}));
  EXPECT_NE(score_text(score()).find("No file holds any class"), std::string::npos);
}

TEST_F(ScoreFolder, ClassesThatOccurNowhereLeaveTheMean) {
  for (const char* name : {"a", "b"}) {  // two of four voxels of the one structure meet
    write_label_map(lbls / (std::string(name) + ".nii.gz"), with_geometry(rows({5, 5, 0, 0}), {1, 1, 1}));
    write_label_map(preds / (std::string(name) + ".nii.gz"), with_geometry(rows({0, 5, 5, 0}), {1, 1, 1}));
  }
  FolderScore result = score();
  EXPECT_DOUBLE_EQ(result.mean_dice.value(), 0.5);
  std::string text = score_text(result);
  EXPECT_TRUE(text.ends_with("mean dice: 0.5000 - L5 0.5000\n")) << text;
  EXPECT_NE(text.find("classes 1 to 4 are in no label and no prediction; left out of the mean.\n"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("L1"), std::string::npos) << text;
  EXPECT_EQ(score_csv(result).find("L1"), std::string::npos);
  auto json = nlohmann::ordered_json::parse(score_json(result));
  EXPECT_DOUBLE_EQ(json.at("mean dice"), 0.5);
  EXPECT_EQ(json.at("cases scored"), 2);
  EXPECT_EQ(json.at("classes left out"), nlohmann::ordered_json({"L1", "L2", "L3", "L4"}));
  ASSERT_EQ(json.at("classes").size(), 1U);
  EXPECT_EQ(json.at("classes").at("L5").at("cases"), 2);
  EXPECT_EQ(json.at("cases").at(0).at("classes").size(), 1U);

  // One voxel row of class 2, only predicted, in one of two cases: 0 there, 1 in the other.
  write_label_map(preds / "b.nii.gz", with_geometry(rows({2, 5, 5, 0}), {1, 1, 1}));
  result = score();
  EXPECT_DOUBLE_EQ(result.classes[1].dice, 0.5);
  EXPECT_EQ(result.classes[1].cases, 1);
  EXPECT_EQ(result.classes[1].cases_label, 0);
  text = score_text(result);
  EXPECT_NE(text.find("classes 1, 3, 4 are in no label"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("mean dice: 0.5000 - L2 0.5000 L5 0.5000\n")) << text;
  json = nlohmann::ordered_json::parse(score_json(result));
  EXPECT_EQ(json.at("classes").at("L2").at("cases_with_prediction"), 1);
}

TEST_F(ScoreFolder, ClassesOfASoftmaxThatAreNeverPredictedLeaveTheMean) {
  write_npy(preds / "a.npy", softmax_of(rows({1, 0}), 4));
  write_npy(lbls / "a.npy", rows({1, 0}));
  const FolderScore result = score();
  ASSERT_EQ(result.classes.size(), 3U);
  EXPECT_EQ(result.classes[1].cases + result.classes[2].cases, 0);
  EXPECT_DOUBLE_EQ(result.mean_dice.value(), 1);
  EXPECT_NE(score_text(result).find("classes 2, 3 are in no label and no prediction"), std::string::npos);
}

TEST_F(ScoreFolder, FirstLargestChannelWins) {
  Array<float> tie({3, 1, 1, 2}, 0.25F);
  tie.values[5] = 0.5F;
  write_npy(folder / "tie.npy", tie);
  const ClassMap map = read_class_map(folder / "tie.npy");
  EXPECT_EQ(map.voxels.values, (std::vector<std::uint8_t>{0, 2}));
  EXPECT_EQ(map.n_class, 3);
  write_npy(folder / "y.npy", Array<std::uint8_t>({1, 2, 2, 2}, 4));  // as preprocess writes labels
  EXPECT_EQ(read_class_map(folder / "y.npy").voxels.shape, (std::vector<std::int64_t>{2, 2, 2}));
  EXPECT_EQ(read_class_map(folder / "y.npy").n_class, 5);
}

TEST_F(ScoreFolder, OnlyTheNamedCases) {
  for (const char* name : {"a", "b", "c"}) {
    write_label_map(lbls / (std::string(name) + ".nii.gz"), with_geometry(rows({1, 0}), {1, 1, 1}));
    if (*name != 'c')
      write_label_map(preds / (std::string(name) + ".nii.gz"), with_geometry(rows({1, *name == 'b'}), {1, 1, 1}));
  }
  const FolderScore result = score_folder({preds, lbls, 1, {"a", "c"}});
  ASSERT_EQ(result.cases.size(), 1U);
  EXPECT_EQ(result.cases[0].name, "a");
  EXPECT_EQ(result.mean_dice, 1);
  ASSERT_EQ(result.failures.size(), 1U);  // c has no prediction
  EXPECT_EQ(result.failures[0].name, "c");
  EXPECT_EQ(result.labels_left, 0);
}

}  // namespace
}  // namespace nnunet
