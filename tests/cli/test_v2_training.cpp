// nnUNetv2_train in several processes, from outside.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
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

class V2Processes : public testing::Test {
 protected:
  void SetUp() override {
    const TinyDataset tiny(folder_ / "raw/Dataset003_Tiny", 6, {9, 16, 16});
    test::write(folder_ / "Short.json", R"({"epochs": 2, "iterations": 3, "validation_iterations": 2})");
    const Outcome prepared = run("plan_and_preprocess -d 3 -c 3d_fullres --no_pbar", "none");
    ASSERT_EQ(prepared.code, 0) << prepared.text;
  }
  Outcome run(const std::string& command, const std::string& results) const {
    return shell(
        fmt::format("nnUNet_raw='{0}/raw' nnUNet_preprocessed='{0}/preprocessed' nnUNet_results='{0}/{1}' "
                    "OMP_NUM_THREADS=1 {2}/bin/v2/nnUNetv2_{3}",
                    folder_.path().string(), results, NNUNET_BINARY_DIR, command));
  }
  Outcome train(const std::string& results, const std::string& more) const {
    return run(fmt::format("train 3 3d_fullres 0 -device cpu -tr '{}/Short.json' {}", folder_.path().string(), more),
               results);
  }
  fs::path fold(const std::string& results) const {
    return folder_ / results / "Dataset003_Tiny/Short__nnUNetPlans__3d_fullres/fold_0";
  }
  /// Of the epochs, as the checkpoint says them.
  std::vector<double> losses(const std::string& results, const char* which) const {
    const Value checkpoint = load_torch_file(fold(results) / "checkpoint_final.pth");
    std::vector<double> list;
    for (const Value& each : checkpoint.find("logging")->find(which)->as_list(which))
      list.push_back(each.as_double(which));
    return list;
  }

  TempFolder folder_;
};

// Batches of two, one patch a process: the same patches, and Dice and gradients of the whole batch.
TEST_F(V2Processes, TrainAsOneOnTheCpu) {
  const Outcome one = train("one", "");
  ASSERT_EQ(one.code, 0) << one.text;
  const Outcome two = train("two", "-num_gpus 2");
  ASSERT_EQ(two.code, 0) << two.text;
  EXPECT_EQ(one.text.find("2 processes"), std::string::npos) << one.text;
  EXPECT_NE(two.text.find("2 processes"), std::string::npos) << two.text;
  for (const char* const which : {"train_losses", "val_losses"}) {
    const std::vector<double> alone = losses("one", which), shared = losses("two", which);
    ASSERT_EQ(alone.size(), 2U);
    ASSERT_EQ(shared.size(), 2U);
    // Sums in another order round otherwise in float32, which grows with every step.
    EXPECT_NEAR(shared[0], alone[0], 1e-5) << which;
    EXPECT_NEAR(shared[1], alone[1], 1e-3) << which;
    EXPECT_GT(std::abs(alone[1] - alone[0]), 1e-4) << which;  // it learns
  }
  // Each validation case is predicted by one of them, and all are scored together.
  const auto cases = [&](const std::string& results) {
    return nlohmann::json::parse(test::read(fold(results) / "validation/summary.json")).at("metric_per_case").size();
  };
  EXPECT_EQ(cases("one"), 2U);
  EXPECT_EQ(cases("two"), 2U);
  EXPECT_NE(test::read(fold("two") / "debug.json").find("\"is_ddp\": \"True\""), std::string::npos);
}

TEST_F(V2Processes, AreNotMoreThanPatchesABatch) {
  const Outcome earlier = train("three", "");
  ASSERT_EQ(earlier.code, 0) << earlier.text;
  EXPECT_FAILS(train("three", "-num_gpus 3"), "2 patches cannot be dealt out to 3 processes", "Use fewer processes");
  EXPECT_FALSE(fs::exists(fold("three") / "earlier-1")) << "what was trained stays where it is";
  EXPECT_TRUE(fs::exists(fold("three") / "checkpoint_final.pth"));
}

}  // namespace
}  // namespace nnunet
