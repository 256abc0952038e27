#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "message_of.h"
#include "nnunet/infer/predict_bids.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/json_reading.h"
#include "reference/shared.h"
#include "tiny.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

class PredictBids : public testing::Test {
 protected:
  PredictBids() {
    write_text(dataset() / "dataset_description.json", R"({"Name": "x", "BIDSVersion": "1.10.0"})");
    options_.input = dataset();
    options_.output = dataset() / "derivatives/nnunet";
  }
  fs::path dataset() const { return temp_ / "raw"; }
  fs::path out(const std::string& name) const { return options_.output / name; }
  void add(const std::string& name, const Shape3& shape = {9, 18, 20}) const {
    fs::create_directories((dataset() / name).parent_path());
    write_image(dataset() / name, test::tiny_image(shape));
  }
  ImagePredictionResult run(const std::vector<std::string>& channels) {
    DataConfig config = test::tiny_config(3, static_cast<int>(channels.size()));
    config.labels = {"background", "left", "right"};
    Predictor predictor({test::tiny_checkpoint(config)}, {}, kCpu, Precision::fp32);
    return predict_bids(predictor, {channels, {}}, options_);
  }
  std::string refusal(const std::vector<std::string>& channels) {
    return test::message_of([&] { run(channels); });
  }

  test::TempFolder temp_;
  ImagePredictionOptions options_;
};

TEST_F(PredictBids, MakesADerivative) {
  add("sub-01/anat/sub-01_T1w.nii.gz");
  add("sub-02/ses-a/anat/sub-02_ses-a_run-1_T1w.nii.gz");
  EXPECT_EQ(run({"T1w"}).predicted, 2);
  const auto description = read_json(out("dataset_description.json"));
  EXPECT_EQ(description["DatasetType"], "derivative");
  EXPECT_EQ(description["DatasetLinks"]["raw"], "../..");
  EXPECT_EQ(description["GeneratedBy"][0]["Name"], "nnunet");
  const LabelMap label = read_label_map(out("sub-02/ses-a/anat/sub-02_ses-a_run-1_dseg.nii.gz"), 3);
  EXPECT_EQ(label.geometry.shape, (Shape3{9, 18, 20}));
  const auto sources = read_json(out("sub-02/ses-a/anat/sub-02_ses-a_run-1_dseg.json"));
  EXPECT_EQ(sources["Sources"], nlohmann::json({"bids:raw:sub-02/ses-a/anat/sub-02_ses-a_run-1_T1w.nii.gz"}));
  const std::string table = read_text(out("dseg.tsv"));
  EXPECT_TRUE(table.starts_with("index\tname\tcolor\n0\tbackground\t#000000\n1\tleft\t#")) << table;
  EXPECT_NE(table.find("\n2\tright\t#"), std::string::npos) << table;
  EXPECT_EQ(run({"T1w"}).kept, 2);
}

TEST_F(PredictBids, ABadSubjectDoesNotStopTheOthers) {
  add("sub-01/anat/sub-01_T1w.nii.gz");
  add("sub-01/anat/sub-01_FLAIR.nii.gz", {9, 18, 21});  // on another grid
  add("sub-02/anat/sub-02_T1w.nii.gz");                 // FLAIR is missing
  add("sub-03/anat/sub-03_T1w.nii.gz");
  add("sub-03/anat/sub-03_FLAIR.nii.gz");
  const auto result = run({"T1w", "FLAIR"});
  EXPECT_EQ(result.predicted, 1);
  EXPECT_EQ(result.failed, 2);
  EXPECT_TRUE(fs::exists(out("sub-03/anat/sub-03_dseg.nii.gz")));
  EXPECT_EQ(read_json(out("sub-03/anat/sub-03_dseg.json"))["Sources"].size(), 2U);
  EXPECT_FALSE(fs::exists(out("sub-01/anat/sub-01_dseg.json")));
  EXPECT_FALSE(fs::exists(out("sub-02")));
}

TEST_F(PredictBids, SourcesThatAKilledRunLeftOutAreWritten) {
  add("sub-01/anat/sub-01_T1w.nii.gz");
  run({"T1w"});
  fs::remove(out("sub-01/anat/sub-01_dseg.json"));
  EXPECT_EQ(run({"T1w"}).kept, 1);
  EXPECT_TRUE(fs::exists(out("sub-01/anat/sub-01_dseg.json")));
}

TEST_F(PredictBids, FoldersOfOthersAreLeftAlone) {
  add("sub-01/anat/sub-01_T1w.nii.gz");
  const std::string theirs = R"({"Name": "x", "BIDSVersion": "1.8.0", "GeneratedBy": [{"Name": "fmriprep"}]})";
  write_text(out("dataset_description.json"), theirs);
  EXPECT_NE(refusal({"T1w"}).find("describes what fmriprep made"), std::string::npos);
  EXPECT_EQ(read_text(out("dataset_description.json")), theirs);
  EXPECT_FALSE(fs::exists(out("dseg.tsv")));
}

TEST_F(PredictBids, SaysWhatCannotBe) {
  add("sub-01/anat/sub-01_T1w.nii.gz");
  for (const char* const inside : {"", "sub-01", "derivatives"}) {
    options_.output = dataset() / inside;
    EXPECT_NE(refusal({"T1w"}).find("lies inside the dataset"), std::string::npos) << inside;
  }
  options_.output = temp_ / "map.nii.gz";
  EXPECT_NE(refusal({"T1w"}).find("is a file"), std::string::npos);
  options_.output = temp_ / "out";
  options_.overlays = true;
  EXPECT_NE(refusal({"T1w"}).find("--overlays"), std::string::npos);
  options_.overlays = false;
  DataConfig config = test::tiny_config(3, 2);
  Predictor predictor({test::tiny_checkpoint(config)}, {}, kCpu, Precision::fp32);
  EXPECT_NE(test::message_of([&] {
              predict_bids(predictor, {{"T1w"}, {}}, options_);
            }).find("1 of the network's 2"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(options_.output));
}

TEST_F(PredictBids, ProgressOnlyGrows) {
  add("sub-01/anat/sub-01_T1w.nii.gz");
  add("sub-02/anat/sub-02_T1w.nii.gz");
  std::vector<double> shares;
  options_.progress = [&](double share) { shares.push_back(share); };
  run({"T1w"});
  ASSERT_GT(shares.size(), 2U);
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_GT(shares.front(), 0);
  EXPECT_EQ(shares.back(), 1);
}

}  // namespace
}  // namespace nnunet
