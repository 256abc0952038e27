// Evaluation, postprocessing and ensembles against what nnU-Net v2 wrote (reference-v2/run/eval and find_best).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/core/error.h"
#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/ensemble.h"
#include "nnunet/v2/evaluation.h"
#include "nnunet/v2/model_zip.h"
#include "nnunet/v2/postprocessing.h"
#include "reference/npz.h"
#include "reference/shared.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

const fs::path kRun = test::shared_dir() / "reference-v2/run";

/// Largest difference of two JSON values' numbers; file names do not count. Anything else that differs fails.
double difference(const Json& a, const Json& b, const std::string& at = "") {
  if (a.is_number() && b.is_number()) {
    EXPECT_EQ(a.is_number_integer(), b.is_number_integer()) << at;
    return std::abs(a.get<double>() - b.get<double>());
  }
  EXPECT_EQ(a.type(), b.type()) << at;
  double most = 0;
  if (a.is_structured() && a.type() == b.type()) {
    EXPECT_EQ(a.size(), b.size()) << at;
    if (a.is_object()) {
      for (const auto& [key, value] : a.items()) {
        EXPECT_TRUE(b.contains(key)) << at << '/' << key;
        if (b.contains(key)) most = std::max(most, difference(value, b[key], at + "/" + key));
      }
    } else {
      for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        most = std::max(most, difference(a[i], b[i], at + "/" + std::to_string(i)));
    }
  } else if (!at.ends_with("_file")) {
    EXPECT_EQ(a, b) << at;
  }
  return most;
}

void expect_same_maps(const fs::path& folder, const fs::path& reference) {
  for (const std::string& name : file_names(reference, ".nii.gz")) {
    const WideLabelMap mine = read_label_file(folder / name), theirs = read_label_file(reference / name);
    EXPECT_EQ(mine.voxels.values, theirs.voxels.values) << folder / name;
    EXPECT_LT(affine_difference(mine.geometry, theirs.geometry), 1e-6) << folder / name;
  }
}

class EvalReference : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    NNUNET_NEEDS_SHARED("reference-v2/run/eval");
    for (const char* const part : {"pred", "ref"})
      fs::copy(theirs_ / part, folder_ / part, fs::copy_options::recursive);
    fs::permissions(folder_ / "pred", fs::perms::owner_all, fs::perm_options::add);
  }
  DatasetLabels labels() const { return read_dataset_labels(theirs_ / "pred/dataset.json"); }

  fs::path theirs_ = kRun / "eval" / GetParam();
  TempFolder folder_;
};

TEST_P(EvalReference, Summary) {
  const DatasetLabels l = labels();
  const auto mine = evaluate_folder(
      {(folder_ / "ref").string(), (folder_ / "pred").string(), l.file_ending, l.foreground, l.ignore, 2, false});
  EXPECT_EQ(mine.failed, 0);
  write_python_json(folder_ / "mine.json", summary_json(mine.summary), Keys::sorted);
  EXPECT_LE(difference(read_python_json(folder_ / "mine.json"), read_python_json(theirs_ / "pred/summary.json")),
            1e-12);
}

TEST_P(EvalReference, DeterminePostprocessing) {
  for (const char* const name : {"summary.json", "postprocessing.json", "postprocessing.pkl"})
    fs::remove(folder_ / "pred" / name);
  determine_postprocessing({(folder_ / "pred").string(), (folder_ / "ref").string(), labels(), 2, true});
  for (const char* const name : {"pred/summary.json", "pred/postprocessing.json"})
    EXPECT_LE(difference(read_python_json(folder_ / name), read_python_json(theirs_ / name)), 1e-12) << name;
  EXPECT_LE(difference(read_python_json(folder_ / "pred/postprocessed/summary.json"),
                       read_python_json(theirs_ / "postprocessed/summary.json")),
            1e-12);
  expect_same_maps(folder_ / "pred/postprocessed", theirs_ / "postprocessed");
  EXPECT_EQ(read_postprocessing(folder_ / "pred/postprocessing.pkl"),
            read_postprocessing(theirs_ / "pred/postprocessing.pkl"));
}

TEST_P(EvalReference, ApplyPostprocessing) {
  const auto steps = read_postprocessing(theirs_ / "pred/postprocessing.pkl");
  EXPECT_EQ(apply_postprocessing({folder_ / "pred", folder_ / "mine", ".nii.gz", steps, 2}), 0);
  expect_same_maps(folder_ / "mine", theirs_ / "postprocessed");
}

INSTANTIATE_TEST_SUITE_P(Toy, EvalReference, testing::Values("labels", "regions", "ignore"));

TEST(EvalReferenceSimple, TwoLabels) {
  NNUNET_NEEDS_SHARED("reference-v2/run/eval");
  const fs::path folder = kRun / "eval/labels";
  const TempFolder out;
  const auto mine = evaluate_folder({(folder / "ref").string(),
                                     (folder / "pred").string(),
                                     ".nii.gz",
                                     {{{1}, false}, {{3}, false}},
                                     std::nullopt,
                                     2,
                                     false});
  write_python_json(out / "mine.json", summary_json(mine.summary), Keys::sorted);
  EXPECT_LE(difference(read_python_json(out / "mine.json"), read_python_json(folder / "summary_simple_1_3.json")),
            1e-12);
}

class EnsembleReference : public testing::TestWithParam<std::string> {};

TEST_P(EnsembleReference, MergedFolder) {
  NNUNET_NEEDS_SHARED("reference-v2/run/eval");
  const fs::path folder = kRun / "eval" / ("ensemble_" + GetParam()), merged = folder / "merged";
  const TempFolder out;
  ASSERT_EQ(ensemble_folders({folder / "A", folder / "B"}, out.path(), true, 2), 0);
  expect_same_maps(out.path(), merged);
  EXPECT_EQ(test::content(out / "dataset.json"), test::content(merged / "dataset.json"));
  for (const std::string& name : file_names(merged, ".npz")) {
    const auto mine = test::Npz(out / name).load<float>("probabilities");
    const auto theirs = test::Npz(merged / name).load<float>("probabilities");
    ASSERT_EQ(mine.shape, theirs.shape);
    for (std::size_t i = 0; i < mine.values.size(); ++i) ASSERT_NEAR(mine.values[i], theirs.values[i], 1e-6);
    EXPECT_TRUE(fs::exists(out / (fs::path(name).stem().string() + ".pkl")));
  }
}

INSTANTIATE_TEST_SUITE_P(Toy, EnsembleReference, testing::Values("labels", "regions"));

/// The models of reference-v2/run/models in a results folder of their own, with the environment set.
class FindBestReference : public testing::Test {
 protected:
  void SetUp() override {
    NNUNET_NEEDS_SHARED("reference-v2/run/find_best");
    NNUNET_NEEDS_SHARED("data/Task04_Hippocampus/labelsTr");
    fs::create_directories(folder_ / "results");
    fs::copy(kRun / "models" / kDataset, folder_ / ("results/" + kDataset), fs::copy_options::recursive);
    const fs::path labels = test::shared_dir() / "data/Task04_Hippocampus/labelsTr",
                   prepared = folder_ / ("preprocessed/" + kDataset);
    fs::create_directories(prepared / "gt_segmentations");
    for (const std::string& name : file_names(labels, ".nii.gz"))
      if (!name.starts_with(".")) fs::copy(labels / name, prepared / "gt_segmentations" / name);
    fs::copy(kRun / "models" / kDataset / model("2d").folder() / "plans.json", prepared / "nnUNetPlansNarrow.json");
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
      fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    ::setenv("nnUNet_results", (folder_ / "results").c_str(), 1);
    ::setenv("nnUNet_preprocessed", (folder_ / "preprocessed").c_str(), 1);
    ::unsetenv("nnUNet_raw");
  }
  void TearDown() override {
    ::unsetenv("nnUNet_results");
    ::unsetenv("nnUNet_preprocessed");
  }
  static ModelName model(const std::string& configuration) {
    return {"nnUNetTrainer_5epochs", "nnUNetPlansNarrow", configuration};
  }

  const std::string kDataset = "Dataset004_Hippocampus";
  TempFolder folder_;
};

TEST_F(FindBestReference, SingleModels) {
  const std::string text =
      find_best_configuration({kDataset, {model("2d"), model("3d_fullres"), model("absent")}, {0, 1}, false, true, 2});
  const Json theirs = read_python_json(kRun / "find_best/inference_information.json"),
             mine = read_python_json(folder_ / ("results/" + kDataset + "/inference_information.json"));
  for (const char* const configuration : {"2d", "3d_fullres"}) {
    const std::string name = model(configuration).folder();
    EXPECT_NEAR(mine["all_results"][name].get<double>(), theirs["all_results"][name].get<double>(), 1e-12);
    EXPECT_LE(difference(read_python_json(model_folder(kDataset, model(configuration)) /
                                          "crossval_results_folds_0_1/summary.json"),
                         read_python_json(kRun / "find_best" / (std::string(configuration) + "_summary.json"))),
              1e-12);
  }
  EXPECT_EQ(mine["considered_models"], theirs["considered_models"]);
  EXPECT_EQ(mine["folds"], theirs["folds"]);
  EXPECT_EQ(mine["best_model_or_ensemble"]["selected_model_or_models"][0]["configuration"], "3d_fullres");
  const std::string predict =
      "nnUNetv2_predict -d Dataset004_Hippocampus -i INPUT_FOLDER -o OUTPUT_FOLDER -f 0 1 "
      "-tr nnUNetTrainer_5epochs -c 3d_fullres -p nnUNetPlansNarrow\n";
  EXPECT_NE(text.find(predict), std::string::npos) << text;
}

TEST_F(FindBestReference, ModelsOfDifferentCasesAreSaid) {
  const auto log_of = [&] {
    testing::internal::CaptureStderr();
    find_best_configuration({kDataset, {model("2d"), model("3d_fullres")}, {0, 1}, false, true, 2});
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(log_of().find("cases that are compared"), std::string::npos);
  const auto folder = model_folder(kDataset, model("2d")) / "fold_0/validation";
  const std::string first = file_names(folder, ".nii.gz").at(0);
  fs::remove(folder / first);
  const std::string log = log_of();
  EXPECT_NE(log.find("it has not predicted " + first), std::string::npos) << log;
}

TEST_F(FindBestReference, EnsemblesWithoutProbabilitiesAreRefused) {
  try {
    find_best_configuration({kDataset, {model("2d"), model("3d_fullres")}, {0, 1}, true, true, 2});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("--disable_ensembling"), std::string::npos) << e.what();
  }
}

TEST_F(FindBestReference, ExportedZipHasTheirNamesAndInstalls) {
  find_best_configuration({kDataset, {model("3d_fullres")}, {0, 1}, false, true, 2});
  const fs::path of = model_folder(kDataset, model("3d_fullres"));
  for (const char* const fold : {"fold_0", "fold_1"}) test::write(of / fold / "progress.png", "a picture");
  // Their list was made after an ensemble won: no postprocessing beside this model.
  fs::remove(of / "crossval_results_folds_0_1/postprocessing.pkl");
  fs::remove(of / "crossval_results_folds_0_1/postprocessing.json");
  export_model_to_zip({kDataset,
                       folder_ / "model.zip",
                       {"3d_fullres"},
                       "nnUNetTrainer_5epochs",
                       "nnUNetPlansNarrow",
                       {"0", "1"},
                       {"checkpoint_final.pth"},
                       false,
                       2});
  const Json names = read_python_json(kRun / "find_best/export_zip_names.json");
  EXPECT_EQ(install_model_from_zip(folder_ / "model.zip", folder_ / "installed"), static_cast<int>(names.size()));
  for (const Json& name : names) {
    const fs::path file = name.get<std::string>();
    EXPECT_EQ(test::content(folder_.path() / "installed" / file), test::content(folder_.path() / "results" / file))
        << file;
  }
}

}  // namespace
}  // namespace nnunet::v2
