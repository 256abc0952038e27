// nnU-Net v2's commands on raw datasets, from outside.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "program.h"
#include "reference/shared.h"
#include "v2/tiny_dataset.h"

namespace nnunet {
namespace {

using test::Outcome;
using test::shell;
using test::TempFolder;
using test::TinyDataset;
namespace fs = std::filesystem;

class V2Datasets : public testing::Test {
 protected:
  Outcome run(const std::string& command) const {
    return shell(fmt::format("nnUNet_raw='{}' nnUNet_preprocessed='{}' nnUNet_results= {}/bin/v2/nnUNetv2_{}",
                             (folder_ / "raw").string(), (folder_ / "preprocessed").string(), NNUNET_BINARY_DIR,
                             command));
  }
  fs::path fingerprint(const std::string& dataset) const {
    return folder_.path() / "preprocessed" / dataset / "dataset_fingerprint.json";
  }

  TempFolder folder_;
  TinyDataset tiny_{folder_ / "raw/Dataset003_Tiny", 3, {9, 16, 16}};
};

TEST_F(V2Datasets, FingerprintsOfSeveral) {
  const TinyDataset other(folder_ / "raw/Dataset005_Other", 2);
  const Outcome done = run("extract_fingerprint -d 3 Dataset005_Other -np 2 --verify_dataset_integrity --no_pbar");
  EXPECT_EQ(done.code, 0) << done.text;
  EXPECT_EQ(done.text.find("ETA"), std::string::npos) << done.text;
  EXPECT_TRUE(fs::exists(fingerprint("Dataset003_Tiny")));
  EXPECT_TRUE(fs::exists(fingerprint("Dataset005_Other")));
  const Outcome again = run("extract_fingerprint -d 3");
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_NE(again.text.find("--clean"), std::string::npos) << again.text;
  EXPECT_FALSE(test::has_leftovers(folder_.path()));
}

TEST_F(V2Datasets, AFaultyOneDoesNotStopTheOthers) {
  const TinyDataset other(folder_ / "raw/Dataset005_Other", 2);
  fs::remove(tiny_.label("case_0"));
  test::write(tiny_.label("case_2"), "no image");
  EXPECT_FAILS(run("extract_fingerprint -d 3 5 --verify_dataset_integrity"), "labelsTr/case_0.nii.gz",
               "there is no label map", "labelsTr/case_2.nii.gz", "2 faults");
  EXPECT_FALSE(fs::exists(fingerprint("Dataset003_Tiny")));
  EXPECT_TRUE(fs::exists(fingerprint("Dataset005_Other")));
  EXPECT_FAILS(run("extract_fingerprint -d 3"), "case_0", "case_2", "2 of 3 cases failed");
  EXPECT_FAILS(run("extract_fingerprint -d 9"), "Dataset009");
  EXPECT_EQ(run("extract_fingerprint -d 3 -fpe Mine").code, 2);
  EXPECT_EQ(run("extract_fingerprint").code, 2);
}

TEST_F(V2Datasets, EvaluationMakesNoFolderOfAWrongName) {
  const fs::path labels = folder_ / "raw/Dataset003_Tiny/labelsTr", wrong = folder_ / "wrong";
  EXPECT_FAILS(run(fmt::format("evaluate_simple '{}' '{}' -l 1", labels.string(), wrong.string())), wrong.string());
  EXPECT_FALSE(fs::exists(wrong));
}

TEST_F(V2Datasets, Conversions) {
  const fs::path old = folder_ / "Task011_Old";
  fs::copy(tiny_.folder(), old, fs::copy_options::recursive);
  test::write(old / "dataset.json", R"({"modality": {"0": "CT"}, "labels": {"0": "background", "1": "a", "2": "b"},
      "numTraining": 3, "tensorImageSize": "4D", "numTest": 0, "training": [], "test": []})");
  EXPECT_FAILS(run(fmt::format("extract_fingerprint -d '{}'", old.string())), "convert_old_nnUNet_dataset");
  EXPECT_FAILS(run(fmt::format("convert_MSD_dataset -i '{}'", old.string())), "imagesTs");
  const Outcome converted = run(fmt::format("convert_old_nnUNet_dataset '{}' Dataset011_New", old.string()));
  EXPECT_EQ(converted.code, 0) << converted.text;
  const Outcome extracted = run("extract_fingerprint -d 11 --verify_dataset_integrity");
  EXPECT_EQ(extracted.code, 0) << extracted.text;

  const fs::path task = folder_ / "Task12_Organ";
  for (const char* const part : {"imagesTr", "imagesTs", "labelsTr"}) fs::create_directories(task / part);
  for (const char* const name : {"case_0", "case_1"}) {
    fs::copy_file(tiny_.image(name), task / "imagesTr" / fmt::format("{}.nii.gz", name));
    fs::copy_file(tiny_.label(name), task / "labelsTr" / fmt::format("{}.nii.gz", name));
  }
  test::write(task / "dataset.json", R"({"modality": {"0": "CT"}, "labels": {"0": "background", "1": "a", "2": "b"},
      "numTraining": 2, "training": [], "test": []})");
  const Outcome direct = run(fmt::format("extract_fingerprint -d '{}'", task.string()));
  EXPECT_EQ(direct.code, 0) << direct.text;
  const std::string as_it_was = test::read(fingerprint("Dataset012_Organ"));
  const fs::path stored = folder_ / "preprocessed/Dataset012_Organ/nnUNetPlans_3d_fullres/case_1_x.npy";
  const Outcome planned = run(fmt::format("plan_and_preprocess -d '{}' -c 3d_fullres", task.string()));
  EXPECT_EQ(planned.code, 0) << planned.text;
  const std::string case_as_it_was = test::read(stored);
  EXPECT_FALSE(case_as_it_was.empty());
  fs::remove_all(folder_ / "preprocessed/Dataset012_Organ");
  EXPECT_EQ(run(fmt::format("convert_MSD_dataset -i '{}' -np 2", task.string())).code, 0);
  EXPECT_EQ(run("plan_and_preprocess -d 12 -c 3d_fullres").code, 0);
  EXPECT_EQ(test::read(stored), case_as_it_was);
  EXPECT_EQ(test::read(fingerprint("Dataset012_Organ")), as_it_was);
}

TEST_F(V2Datasets, PlannedAndPreprocessed) {
  const Outcome done = run("plan_and_preprocess -d 3 -c 2d 3d_fullres 3d_lowres -np 2 --no_pbar");
  EXPECT_EQ(done.code, 0) << done.text;
  EXPECT_NE(done.text.find("3d_lowres: not in nnUNetPlans.json, left out"), std::string::npos) << done.text;
  const fs::path made = folder_ / "preprocessed/Dataset003_Tiny";
  for (const char* const file : {"nnUNetPlans_2d/case_0_x.npy", "nnUNetPlans_3d_fullres/case_2_y.npy",
                                 "nnUNetPlans_3d_fullres/case_1_locations.npy", "gt_segmentations/case_1.nii.gz"})
    EXPECT_TRUE(fs::exists(made / file)) << file;
  EXPECT_FALSE(test::has_leftovers(folder_.path()));

  const Outcome again = run("preprocess -d Dataset003_Tiny -c 3d_fullres");
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_NE(again.text.find("0 cases made, 3 kept, 0 failed"), std::string::npos) << again.text;
  test::write(tiny_.label("case_2"), "no image");
  EXPECT_FAILS(run("preprocess -d 3 -c 3d_fullres"), "case case_2 failed", "2 kept, 1 failed",
               "not preprocessed: case_2");
  EXPECT_FAILS(run("preprocess -d 3 -plans_name Others"), "Others.json: is not there");
  EXPECT_FAILS(run("preprocess -d 3 -c 2d 3d_fullres -np 1 2 3"), "-np: 3 numbers for 2 configurations");
  EXPECT_FAILS(run("preprocess -d 3 -np 0"), "-np");
  EXPECT_EQ(run("preprocess").code, 2);
}

}  // namespace
}  // namespace nnunet
