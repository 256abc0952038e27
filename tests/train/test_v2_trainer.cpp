#include "nnunet/train/v2_trainer.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "io/expect_error.h"
#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/core/log.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/preprocess.h"
#include "nnunet/v2/splits.h"
#include "reference/shared.h"
#include "v2/tiny_v2_model.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempFolder;

constexpr const char* kDataset = "Dataset900_Tiny";

/// A dataset of six made-up cases, preprocessed, and a recipe of two short epochs.
class V2Trainer : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_quiet(true);
    torch::set_num_threads(1);
    for (const char* const name : {"raw", "preprocessed", "results"})
      ::setenv(fmt::format("nnUNet_{}", name).c_str(), (folder_ / name).c_str(), 1);
    for (int i = 0; i < 6; ++i) write_case(fmt::format("case_{}", i), i);
    write_text(raw_ / "dataset.json", test::tiny_v2_dataset({}).dump());
    write_text(preprocessed_ / "dataset.json", test::tiny_v2_dataset({}).dump());
    write_text(preprocessed_ / "dataset_fingerprint.json", "{}");
    write_text(recipe_, R"({"epochs": 2, "iterations": 3, "validation_iterations": 2})");
    write_plans(test::tiny_v2_plans({}));
    preprocess("3d_fullres");
    v2::copy_references(raw_, preprocessed_);
  }

  void write_plans(const v2::Json& plans) const { write_text(preprocessed_ / "nnUNetPlans.json", plans.dump(4)); }
  void preprocess(const std::string& configuration) const {
    v2::PreprocessingOptions options{raw_, preprocessed_};
    options.configuration = configuration;
    options.threads = 1;
    options.progress = false;
    ASSERT_TRUE(v2::preprocess_configuration(options).failed.empty());
  }
  /// Labels are blocks that are brighter than what is around them.
  void write_case(const std::string& name, int shift) const {
    WideLabelMap label;
    label.geometry.shape = {9, 18, 20};
    label.geometry.spacing = {2, 1, 1};
    for (std::size_t i = 0; i < 4; ++i) label.geometry.affine[i][i] = i == 2 ? 2 : 1;
    label.voxels = Array<std::uint16_t>({9, 18, 20});
    Image image;
    image.geometry = label.geometry;
    image.voxels = Array<float>({1, 9, 18, 20});
    for (std::int64_t z = 0; z < 9; ++z)
      for (std::int64_t y = 0; y < 18; ++y)
        for (std::int64_t x = 0; x < 20; ++x) {
          const auto i = static_cast<std::size_t>((z * 18 + y) * 20 + x);
          const bool inside = z > 1 && z < 7 && y > 4 + shift && y < 12 + shift;
          label.voxels.values[i] = static_cast<std::uint16_t>(!inside ? 0 : x < 10 ? 1 : 2);
          image.voxels.values[i] =
              static_cast<float>(std::sin(0.7 * static_cast<double>(i)) + 3 * label.voxels.values[i] + 1);
        }
    fs::create_directories(raw_ / "imagesTr");
    fs::create_directories(raw_ / "labelsTr");
    write_image(raw_ / "imagesTr" / (name + "_0000.nii.gz"), image);
    write_label_file(raw_ / "labelsTr" / (name + ".nii.gz"), label);
  }

  V2TrainOptions options(const std::string& fold = "0") const {
    V2TrainOptions o;
    o.names = {"900", "3d_fullres", fold, recipe_.string(), "nnUNetPlans"};
    o.compute.gpus = 0;
    o.num_workers = 1;
    return o;
  }
  fs::path model(const std::string& configuration = "3d_fullres") const {
    return folder_ / "results" / kDataset / ("Short__nnUNetPlans__" + configuration);
  }
  V2Checkpoint checkpoint(const fs::path& fold, const std::string& name = "checkpoint_final.pth") const {
    return load_v2_checkpoint(fold / name, *v2::training_setup(options().names).model.network);
  }
  static bool same_weights(const V2Checkpoint& a, const V2Checkpoint& b) {
    for (std::size_t i = 0; i < a.weights.size(); ++i) {
      const HostTensor x = a.weights[i].second.contiguous(), y = b.weights[i].second.contiguous();
      if (std::memcmp(x.data(), y.data(), static_cast<std::size_t>(x.nbytes())) != 0) return false;
    }
    return a.weights.size() == b.weights.size();
  }

  TempFolder folder_;
  fs::path raw_ = folder_ / "raw" / kDataset, preprocessed_ = folder_ / "preprocessed" / kDataset;
  fs::path recipe_ = folder_ / "Short.json";
};

TEST_F(V2Trainer, LeavesNnunetsFiles) {
  V2TrainOptions o = options();
  o.save_probabilities = true;
  const V2TrainResult result = train_v2(o);
  const fs::path fold = model() / "fold_0";
  EXPECT_EQ(result.fold, fold);
  EXPECT_EQ(result.failed_cases, 0);
  ASSERT_TRUE(result.mean_dice);
  for (const char* const name : {"plans.json", "dataset.json", "dataset_fingerprint.json"})
    EXPECT_TRUE(fs::exists(model() / name)) << name;
  for (const char* const name : {"checkpoint_final.pth", "checkpoint_best.pth", "debug.json", "progress.png"})
    EXPECT_TRUE(fs::exists(fold / name)) << name;
  EXPECT_FALSE(fs::exists(fold / "checkpoint_latest.pth"));

  const v2::Split split = v2::read_splits(preprocessed_ / v2::kSplitsFile).at(0);
  ASSERT_FALSE(split.val.empty());
  for (const std::string& name : split.val) {
    for (const char* const ending : {".nii.gz", ".npz", ".pkl"})
      EXPECT_TRUE(fs::exists(fold / "validation" / (name + ending))) << name << ending;
    const WideLabelMap predicted = read_label_file(fold / "validation" / (name + ".nii.gz")),
                       reference = read_label_file(raw_ / "labelsTr" / (name + ".nii.gz"));
    EXPECT_EQ(predicted.voxels.shape, reference.voxels.shape);
    EXPECT_EQ(predicted.geometry.affine, reference.geometry.affine);
  }
  const v2::Json summary = v2::read_python_json(fold / "validation/summary.json");
  EXPECT_EQ(summary.at("metric_per_case").size(), split.val.size());

  const V2Checkpoint c = checkpoint(fold);
  EXPECT_EQ(c.epochs_done, 2);
  EXPECT_EQ(c.logging.epochs(), 2U);
  EXPECT_EQ(c.trainer, "nnUNetTrainer");
  EXPECT_EQ(c.fold, "0");
  EXPECT_EQ(c.mirror_axes, (std::vector<int>{0, 1, 2}));
  EXPECT_DOUBLE_EQ(c.logging.lrs[1], 0.01 * std::pow(0.5, 0.9));
  EXPECT_EQ(c.plans.at("plans_name"), "nnUNetPlans");
}

TEST_F(V2Trainer, GoesOnAsIfItHadNotBeenStopped) {
  V2TrainOptions o = options();
  train_v2(o);
  const fs::path fold = model() / "fold_0";
  const V2Checkpoint whole = checkpoint(fold);
  const V2Checkpoint best = checkpoint(fold, "checkpoint_best.pth");
  fs::remove(fold / "checkpoint_final.pth");
  fs::remove_all(fold / "validation");
  // What a training that was killed in its second epoch leaves is what the first one wrote.
  write_text(recipe_, R"({"epochs": 2, "iterations": 3, "validation_iterations": 2})");
  o.resume = true;
  train_v2(o);
  const V2Checkpoint again = checkpoint(fold);
  EXPECT_TRUE(same_weights(whole, again)) << "from epoch " << best.epochs_done;
  EXPECT_EQ(whole.logging.train_losses, again.logging.train_losses);
  EXPECT_EQ(whole.logging.ema_fg_dice, again.logging.ema_fg_dice);
  EXPECT_FALSE(fs::exists(fold / "earlier-1"));
  EXPECT_TRUE(fs::exists(fold / "validation/summary.json"));
}

TEST_F(V2Trainer, AnEarlierTrainingIsKept) {
  V2TrainOptions o = options("all");
  o.checkpoints = true;
  train_v2(o);
  const V2Checkpoint first = checkpoint(model() / "fold_all");
  o.seed = 2;
  train_v2(o);
  EXPECT_FALSE(same_weights(first, checkpoint(model() / "fold_all")));
  EXPECT_TRUE(same_weights(first, checkpoint(model() / "fold_all/earlier-1")));
  EXPECT_TRUE(fs::exists(model() / "fold_all/earlier-1/validation/summary.json"));

  o.num_workers = 0;
  ::setenv("nnUNet_n_proc_DA", "many", 1);
  EXPECT_NE(error_of([&] { train_v2(o); }).find("nnUNet_n_proc_DA"), std::string::npos);
  ::unsetenv("nnUNet_n_proc_DA");
  EXPECT_FALSE(fs::exists(model() / "fold_all/earlier-2")) << "a training that cannot begin replaces nothing";
}

TEST_F(V2Trainer, ValidatesAloneAndBeginsWithOtherWeights) {
  V2TrainOptions o = options();
  train_v2(o);
  const fs::path fold = model() / "fold_0";
  const std::string summary = read_text(fold / "validation/summary.json");
  fs::remove_all(fold / "validation");
  o.only_validate = true;
  train_v2(o);
  EXPECT_EQ(read_text(fold / "validation/summary.json"), summary);
  o.validate_best = true;
  train_v2(o);
  EXPECT_TRUE(fs::exists(fold / "earlier-1") == false);

  V2TrainOptions other = options("1");
  other.pretrained_weights = fold / "checkpoint_final.pth";
  train_v2(other);
  EXPECT_TRUE(fs::exists(model() / "fold_1/checkpoint_final.pth"));
}

TEST_F(V2Trainer, ValidationOfOtherCasesIsSaid) {
  V2TrainOptions o = options();
  train_v2(o);
  o.only_validate = true;
  const auto log_of = [&] {
    testing::internal::CaptureStderr();
    train_v2(o);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(log_of(), "");
  auto splits = v2::read_splits(preprocessed_ / v2::kSplitsFile);
  std::swap(splits[0], splits[1]);
  v2::write_splits(preprocessed_ / v2::kSplitsFile, splits);
  const std::string log = log_of();
  EXPECT_NE(log.find("was trained on 1 of the fold's 1 validation cases: " + splits[0].val.at(0)), std::string::npos)
      << log;
  EXPECT_NE(log.find("holds label maps of 2 cases that this fold does not validate"), std::string::npos) << log;
}

TEST_F(V2Trainer, ACascadesFirstStagePredictsForTheSecond) {
  v2::Json plans = test::tiny_v2_plans({}), low = plans["configurations"]["3d_fullres"],
           second = {{"inherits_from", "3d_fullres"}, {"previous_stage", "3d_lowres"}};
  low["data_identifier"] = "nnUNetPlans_3d_lowres";
  low["spacing"] = {4, 2, 2};
  low["patch_size"] = {4, 8, 8};
  low["next_stage"] = "3d_cascade_fullres";
  plans["configurations"]["3d_lowres"] = low;
  plans["configurations"]["3d_cascade_fullres"] = second;
  write_plans(plans);
  preprocess("3d_lowres");

  V2TrainOptions cascade = options("all");
  cascade.names.configuration = "3d_cascade_fullres";
  const std::string missing = error_of([&] { train_v2(cascade); });
  EXPECT_NE(missing.find("nnUNetv2_train"), std::string::npos) << missing;
  EXPECT_NE(missing.find("3d_lowres"), std::string::npos) << missing;

  V2TrainOptions first = options("all");
  first.names.configuration = "3d_lowres";
  EXPECT_EQ(train_v2(first).failed_cases, 0);
  CaseStore store(preprocessed_ / "nnUNetPlans_3d_fullres");
  store.attach_previous(model("3d_lowres") / "predicted_next_stage/3d_cascade_fullres");
  for (const std::string& name : store.names()) EXPECT_NE(store.open(name)->previous(), nullptr) << name;

  EXPECT_EQ(train_v2(cascade).failed_cases, 0);
  EXPECT_TRUE(fs::exists(model("3d_cascade_fullres") / "fold_all/checkpoint_final.pth"));

  fs::remove(model("3d_lowres") / "predicted_next_stage/3d_cascade_fullres/case_4.npy");
  const std::string lacks = error_of([&] { train_v2(cascade); });
  EXPECT_NE(lacks.find("1 of 6 cases have no label map of the previous stage: case_4"), std::string::npos) << lacks;
  EXPECT_FALSE(fs::exists(model("3d_cascade_fullres") / "fold_all/earlier-1")) << "an earlier training stays";
}

TEST_F(V2Trainer, SaysWhatDoesNotFit) {
  const auto says = [&](const V2TrainOptions& o, const std::string& part) {
    const std::string error = error_of([&] { train_v2(o); });
    EXPECT_NE(error.find(part), std::string::npos) << part << ": " << error;
  };
  V2TrainOptions o = options();
  o.only_validate = true;
  says(o, "checkpoint_final.pth");
  o.resume = true;
  says(o, "--val");
  o = options();
  o.names.configuration = "2d";
  says(o, "there is no configuration \"2d\"");
  o = options("x");
  says(o, "is no fold");
  o = options();
  o.names.plans = "Mine";
  says(o, "Mine.json");
  o = options();
  o.names.trainer = "nnUNetTrainerBenchmark_5epochs";
  says(o, "measures a GPU");
  fs::remove_all(preprocessed_ / "nnUNetPlans_3d_fullres");
  says(options(), "nnUNetPlans_3d_fullres");
  EXPECT_FALSE(fs::exists(model() / "fold_0/checkpoint_final.pth"));
}

}  // namespace
}  // namespace nnunet
