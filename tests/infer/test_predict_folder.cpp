#include <gtest/gtest.h>

#include <cmath>

#include <fstream>

#include "nnunet/core/error.h"
#include "nnunet/data/folds.h"
#include "nnunet/infer/predict_folder.h"
#include "reference/shared.h"
#include "tiny.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// A training folder of six cases with a val and a test folder, and a checkpoint.
class PredictFolder : public testing::Test {
 protected:
  PredictFolder() {
    config_ = test::tiny_config(3);
    for (int i = 0; i < 6; ++i)
      config_.cases.push_back({"case_" + std::to_string(i), {2.0, 1.0, 1.0}, {12, 20, 22}, true});
    for (const fs::path& folder : {data(), data() / "val", data() / "test"}) {
      fs::create_directories(folder);
      write_config(folder / "config.json", config_);
      for (const auto& c : config_.cases) write_case(folder, c.name, folder != data(), folder.filename() != "test");
    }
    DataConfig bare = config_;
    bare.cases.clear();
    checkpoints_ = {test::save_tiny(temp_ / "net.ckpt", bare)};
    options_.results = temp_ / "results";
    options_.nfolds = 3;
    options_.save_preds = true;
  }
  fs::path data() const { return temp_ / "77_3d"; }

  /// Crop box of 10x18x20 voxels in an image of 12x20x22.
  static void write_case(const fs::path& folder, const std::string& name, bool meta, bool label,
                         const Shape3& shape = {10, 18, 20}) {
    Array<float> x({1, shape[0], shape[1], shape[2]});
    for (std::size_t i = 0; i < x.values.size(); ++i)
      x.values[i] = std::sin(0.1F * static_cast<float>(i * (1 + name.back() % 7)));
    write_npy(folder / (name + "_x.npy"), x);
    if (label) write_npy(folder / (name + "_y.npy"), Array<std::uint8_t>(x.shape, 1));
    Array<std::int64_t> box({3, 3});
    box.values = {1, 1, 1, 11, 19, 21, 12, 20, 22};
    if (meta) write_npy(folder / (name + "_meta.npy"), box);
  }

  FolderPredictionResult predict(const std::string& sub, const PredictorOptions& windows = {}) {
    const PreprocessedFolder folder(data() / sub, "", 3);
    Predictor predictor(checkpoints_, {}, windows, kCpu, Precision::fp32);
    return predict_folder(folder, predictor, options_);
  }
  static std::size_t predictions(const fs::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder)) count += entry.path().extension() == ".npy";
    return count;
  }

  test::TempFolder temp_;
  DataConfig config_;
  FolderPredictionOptions options_;
  std::vector<fs::path> checkpoints_;
};

TEST_F(PredictFolder, PartsShareTheCases) {
  const auto read = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const fs::path whole = predict("test").folder, moved = temp_ / "whole";
  fs::rename(whole, moved);
  options_.part = {2, 4};
  EXPECT_EQ(predict("test").predicted, 1);
  std::ofstream(whole / "case_0.npy.tmp.12.3") << "left by a killed run of part 0";
  for (const int id : {1, 3, 0}) {
    options_.part.id = id;
    EXPECT_EQ(predict("test").predicted, id < 2 ? 2 : 1);
  }
  options_.part = {9, 10};
  EXPECT_EQ(predict("test").predicted, 0);
  options_.overwrite = true;
  EXPECT_THROW(predict("test"), Error);
  const auto count = [](const fs::path& folder) { return std::distance(fs::recursive_directory_iterator(folder), {}); };
  for (const auto& entry : fs::recursive_directory_iterator(moved)) {
    if (entry.is_directory()) continue;  // of the records
    EXPECT_EQ(read(entry.path()), read(whole / entry.path().lexically_relative(moved))) << entry.path();
  }
  EXPECT_EQ(count(whole), count(moved));
}

TEST_F(PredictFolder, ValTakesTheFoldsCasesOnly) {
  options_.fold = 1;
  const auto result = predict("val");
  EXPECT_EQ(result.folder, options_.results / "preds_task_77_dim_3_fold_1_fp32");
  EXPECT_EQ(result.predicted, 2);
  EXPECT_EQ(result.failed, 0);
  for (const auto i : make_fold(6, 3, 1).val)
    EXPECT_TRUE(fs::exists(result.folder / ("case_" + std::to_string(i) + ".npy")));
  EXPECT_EQ(predictions(result.folder), 2U);
  ASSERT_TRUE(result.score);
  EXPECT_EQ(result.score->volumes, 2);
}

TEST_F(PredictFolder, SavesSoftmaxInTheOriginalGeometry) {
  const auto result = predict("test");
  EXPECT_EQ(result.predicted, 6);
  EXPECT_FALSE(result.score);
  const auto p = read_npy<float>(result.folder / "case_3.npy");
  ASSERT_EQ(p.shape, (std::vector<std::int64_t>{3, 12, 20, 22}));
  const auto at = [&p](std::int64_t k, std::int64_t z, std::int64_t y, std::int64_t x) {
    return p.values[static_cast<std::size_t>(((k * 12 + z) * 20 + y) * 22 + x)];
  };
  for (std::int64_t y = 0; y < 20; ++y)
    for (std::int64_t x = 0; x < 22; ++x) EXPECT_EQ(at(0, 0, y, x), 1);  // outside the box

  Predictor predictor(checkpoints_, {}, {}, kCpu, Precision::fp32);
  const auto x = read_npy<float>(data() / "test/case_3_x.npy");
  const Array<float> logits = predictor.logits("case_3", x);
  ASSERT_EQ(logits.shape, (std::vector<std::int64_t>{3, 10, 18, 20}));
  for (std::int64_t z = 0; z < 10; ++z)
    for (std::int64_t y = 0; y < 18; ++y)
      for (std::int64_t i = 0; i < 20; ++i) {
        double e[3], sum = 0;
        for (std::int64_t k = 0; k < 3; ++k)
          sum += e[k] =
              std::exp(static_cast<double>(logits.values[static_cast<std::size_t>(((k * 10 + z) * 18 + y) * 20 + i)]));
        for (std::int64_t k = 0; k < 3; ++k) ASSERT_NEAR(at(k, z + 1, y + 1, i + 1), e[k] / sum, 1e-6);
      }
}

TEST_F(PredictFolder, TtaHasItsOwnFolder) {
  const auto result = predict("test", {0.5, Blend::gaussian, 0, true});
  EXPECT_EQ(result.folder.filename(), "preds_task_77_dim_3_fold_0_fp32_tta");
}

TEST_F(PredictFolder, FinishedCasesAreKept) {
  const auto folder = predict("test").folder;
  fs::remove(folder / "case_2.npy");
  write_npy(folder / "case_4.npy", Array<float>({1}));
  const auto again = predict("test");
  EXPECT_EQ(again.predicted, 1);
  EXPECT_EQ(again.kept, 5);
  EXPECT_TRUE(fs::exists(folder / "case_2.npy"));
  EXPECT_EQ(read_npy<float>(folder / "case_4.npy").numel(), 1);
  options_.overwrite = true;
  EXPECT_EQ(predict("test").predicted, 6);
  EXPECT_GT(read_npy<float>(folder / "case_4.npy").numel(), 1);
}

TEST_F(PredictFolder, RefusesFoldersMadeOtherwise) {
  const auto folder = predict("test").folder;
  EXPECT_THROW(predict("test", {0.25, Blend::gaussian, 0, false}), Error);
  EXPECT_THROW(predict("test", {0.5, Blend::constant, 0, false}), Error);
  EXPECT_THROW(predict("val"), Error);
  EXPECT_NO_THROW(predict("test", {0.5, Blend::gaussian, 3, false}));  // the batch size changes nothing

  const auto content = read_npy<float>(folder / "case_0.npy").values;
  DataConfig bare = config_;
  bare.cases.clear();
  test::save_tiny(checkpoints_[0], bare, 2);  // the same path, other weights
  EXPECT_THROW(predict("test"), Error);
  EXPECT_EQ(read_npy<float>(folder / "case_0.npy").values, content);
  options_.overwrite = true;
  EXPECT_EQ(predict("test").predicted, 6);
  EXPECT_NE(read_npy<float>(folder / "case_0.npy").values, content);
}

TEST_F(PredictFolder, PredictionsOfChangedCasesAreMadeAnew) {
  const auto folder = predict("test").folder;
  EXPECT_EQ(predict("test").kept, 6);
  const auto before = read_npy<float>(folder / "case_2.npy").values;
  auto x = read_npy<float>(data() / "test/case_2_x.npy");
  for (float& v : x.values) v = -v;
  write_npy(data() / "test/case_2_x.npy", x);
  auto result = predict("test");
  EXPECT_EQ(result.predicted, 1);
  EXPECT_EQ(result.kept, 5);
  EXPECT_NE(read_npy<float>(folder / "case_2.npy").values, before);
  auto box = read_npy<std::int64_t>(data() / "test/case_4_meta.npy");
  box.values[0] -= 1;
  box.values[3] -= 1;
  write_npy(data() / "test/case_4_meta.npy", box);
  EXPECT_EQ(predict("test").predicted, 1);
  EXPECT_EQ(read_npy<float>(folder / "case_4.npy").values[0], 1);
  config_.cases[5].spacing = {6.0, 1.0, 1.0};  // says how to go back to the original grid
  write_config(data() / "test/config.json", config_);
  EXPECT_EQ(predict("test").predicted, 1);
  EXPECT_EQ(predict("test").kept, 6);
}

TEST_F(PredictFolder, ACopiedCheckpointIsTheSameNetwork) {
  predict("test");
  fs::copy_file(checkpoints_[0], temp_ / "copy.ckpt");
  checkpoints_[0] = temp_ / "copy.ckpt";
  EXPECT_EQ(predict("test").kept, 6);
  checkpoints_.push_back(checkpoints_[0]);
  EXPECT_THROW(predict("test"), Error);
}

TEST_F(PredictFolder, RefusesFoldersWithoutARecord) {
  const auto folder = options_.results / "preds_task_77_dim_3_fold_0_fp32";
  fs::create_directories(folder);
  EXPECT_NO_THROW(predict("test"));
  std::ofstream(folder / "predictions.json") << "{broken";
  EXPECT_THROW(predict("test"), Error);
  fs::remove(folder / "predictions.json");
  EXPECT_EQ(predict("test").kept, 6);  // each has its own
  fs::remove(folder / ".nnunet/case_3.json");
  EXPECT_THROW(predict("test"), Error);
}

TEST_F(PredictFolder, TrainingFolderScoresButSavesNothing) {
  EXPECT_THROW(predict(""), Error);
  EXPECT_FALSE(fs::exists(options_.results));
  options_.save_preds = false;
  const auto result = predict("");
  EXPECT_EQ(result.predicted, 2);
  ASSERT_TRUE(result.score);
  EXPECT_TRUE(result.folder.empty());
}

TEST_F(PredictFolder, ABadCaseDoesNotStopTheOthers) {
  fs::resize_file(data() / "test/case_1_x.npy", 200);
  fs::remove(data() / "test/case_4_meta.npy");
  const auto result = predict("test");
  EXPECT_EQ(result.failed, 2);
  EXPECT_EQ(result.predicted, 4);
  EXPECT_FALSE(fs::exists(result.folder / "case_1.npy"));
  EXPECT_FALSE(fs::exists(result.folder / "case_4.npy"));
}

TEST_F(PredictFolder, LimitTakesTheFirstCases) {
  options_.limit = 2;
  EXPECT_EQ(predict("test").predicted, 2);
}

TEST_F(PredictFolder, ResamplesBackOnlyWithTheCasesSpacing) {
  write_case(data() / "test", "case_0", true, false, {12, 16, 16});  // another size than the box
  EXPECT_EQ(predict("test").failed, 0);
  config_.cases.clear();  // only the required keys: no spacing, so sizes must agree
  write_config(data() / "test/config.json", config_);
  options_.overwrite = true;
  const auto result = predict("test");
  EXPECT_EQ(result.failed, 1);
  EXPECT_EQ(result.predicted, 5);
}

TEST_F(PredictFolder, RefusesACheckpointOfAnotherConfiguration) {
  checkpoints_ = {test::save_tiny(temp_ / "other.ckpt", test::tiny_config(3, 1, 4))};
  EXPECT_THROW(predict("test"), Error);
  checkpoints_ = {test::save_tiny(temp_ / "other.ckpt", test::tiny_config(3, 2, 3))};
  EXPECT_THROW(predict("test"), Error);
  DataConfig patch = test::tiny_config(3);
  patch.patch_size = {16, 16, 16};
  checkpoints_ = {test::save_tiny(temp_ / "other.ckpt", patch)};
  EXPECT_THROW(predict("test"), Error);
}

TEST_F(PredictFolder, RefusesFoldsThatDoNotExist) {
  options_.fold = 3;
  EXPECT_THROW(predict("val"), Error);
  options_.fold = 0;
  options_.nfolds = 7;
  EXPECT_THROW(predict("val"), Error);
}

}  // namespace
}  // namespace nnunet
