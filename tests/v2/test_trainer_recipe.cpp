#include "nnunet/v2/trainer_recipe.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "io/expect_error.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet::v2 {
namespace {

using test::error_of;
using test::TempFolder;

TEST(TrainerRecipe, KnowsTheTrainersOfTheContract) {
  std::set<std::string> names;
  for (const TrainerRecipe& each : known_trainers()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_EQ(each.name, each.known_name);
  }
  for (const char* const ending : {"",
                                   "_1epoch",
                                   "_5epochs",
                                   "_10epochs",
                                   "_20epochs",
                                   "_50epochs",
                                   "_100epochs",
                                   "_250epochs",
                                   "_500epochs",
                                   "_750epochs",
                                   "_2000epochs",
                                   "_4000epochs",
                                   "_8000epochs",
                                   "_250epochs_NoMirroring",
                                   "_2000epochs_NoMirroring",
                                   "_4000epochs_NoMirroring",
                                   "_8000epochs_NoMirroring",
                                   "NoMirroring",
                                   "_onlyMirror01",
                                   "_onlyMirror01_1500ep",
                                   "NoDA",
                                   "_noDummy2DDA",
                                   "_DASegOrd0",
                                   "_DASegOrd0_NoMirroring",
                                   "_onlyMirror01_DASegOrd0",
                                   "DA5",
                                   "DA5ord0",
                                   "DA5Segord0",
                                   "DA5_10epochs",
                                   "CELoss",
                                   "CELoss_5epochs",
                                   "DiceLoss",
                                   "DiceCELoss_noSmooth",
                                   "Topk10Loss",
                                   "Topk10LossLS01",
                                   "DiceTopK10Loss",
                                   "Adam",
                                   "Adam1en3",
                                   "Adam3en4",
                                   "VanillaAdam",
                                   "VanillaAdam1en3",
                                   "VanillaAdam3en4",
                                   "CosAnneal",
                                   "_warmup",
                                   "BN",
                                   "NoDeepSupervision",
                                   "_probabilisticOversampling",
                                   "_probabilisticOversampling_033",
                                   "_probabilisticOversampling_010",
                                   "Benchmark_5epochs",
                                   "Benchmark_5epochs_noDataLoading"})
    EXPECT_TRUE(names.contains(fmt::format("nnUNetTrainer{}", ending))) << ending;
}

TEST(TrainerRecipe, EachDiffersFromTheUsualOneByWhatItsNameSays) {
  EXPECT_EQ(what_differs(trainer_recipe("nnUNetTrainer")), "");
  EXPECT_EQ(trainer_recipe("nnUNetTrainer_onlyMirror01_1500ep").epochs, 1500);
  EXPECT_EQ(trainer_recipe("nnUNetTrainer_4000epochs_NoMirroring").mirroring, Mirroring::none);
  EXPECT_EQ(trainer_recipe("nnUNetTrainerAdam3en4").learning_rate, 3e-4);
  EXPECT_EQ(trainer_recipe("nnUNetTrainerAdam3en4").optimizer, OptimizerKind::adamw);
  EXPECT_EQ(trainer_recipe("nnUNetTrainerTopk10LossLS01").label_smoothing, 0.1);
  EXPECT_EQ(trainer_recipe("nnUNetTrainer_DASegOrd0").cascade_share, 1);
  EXPECT_EQ(trainer_recipe("nnUNetTrainer_probabilisticOversampling_010").forced_share, 0.1);
  EXPECT_FALSE(trainer_recipe("nnUNetTrainer_probabilisticOversampling_010").realised_share);
  EXPECT_TRUE(trainer_recipe("nnUNetTrainer_probabilisticOversampling").realised_share);
  std::set<std::string> said;
  for (const TrainerRecipe& each : known_trainers()) EXPECT_TRUE(said.insert(what_differs(each)).second) << each.name;
}

/// docs/trainers.md holds a line for each.
TEST(TrainerRecipe, IsDocumented) {
  const std::string page = read_text(std::filesystem::path(__FILE__).parent_path() / "../../docs/trainers.md");
  std::string table;
  for (const TrainerRecipe& each : known_trainers())
    table +=
        fmt::format("| `{}` | {} |\n", each.name, what_differs(each).empty() ? "the usual one" : what_differs(each));
  EXPECT_NE(page.find(table), std::string::npos) << "docs/trainers.md should hold\n" << table;
}

TEST(TrainerRecipe, UnknownNamesListTheKnownOnes) {
  const std::string error = error_of([] { (void)trainer_recipe("nnUNetTrainerV3"); });
  EXPECT_NE(error.find("nnUNetTrainerV3"), std::string::npos) << error;
  EXPECT_NE(error.find("nnUNetTrainer_250epochs"), std::string::npos) << error;
  EXPECT_NE(error.find("nnUNetTrainerDA5Segord0"), std::string::npos) << error;
}

class OwnRecipe {
 public:
  explicit OwnRecipe(const std::string& json, const std::string& name = "Short.json") : file_(folder_ / name) {
    write_text(file_, json);
  }
  TrainerRecipe read() const { return trainer_recipe(file_.string()); }
  std::string error() const {
    return error_of([this] { (void)read(); });
  }

 private:
  TempFolder folder_;
  std::filesystem::path file_;
};

TEST(TrainerRecipe, OnesOwnIsAFile) {
  const TrainerRecipe r =
      OwnRecipe(R"({"based_on": "nnUNetTrainerNoMirroring", "epochs": 20, "iterations": 50, "loss": "dice",
                    "forced_share": 0.5, "label_order": 0})")
          .read();
  EXPECT_EQ(r.name, "Short");
  EXPECT_EQ(r.known_name, "nnUNetTrainerNoMirroring");
  EXPECT_EQ(r.epochs, 20);
  EXPECT_EQ(r.iterations, 50);
  EXPECT_EQ(r.loss, LossKind::dice);
  EXPECT_EQ(r.mirroring, Mirroring::none);
  EXPECT_EQ(r.label_order, 0);
  EXPECT_EQ(r.learning_rate, 0.01);
  EXPECT_EQ(OwnRecipe(R"({"name": "other"})").read().known_name, "nnUNetTrainer");
  EXPECT_EQ(OwnRecipe(R"({"name": "other"})").read().name, "other");
}

TEST(TrainerRecipe, OnesOwnIsChecked) {
  const auto says = [](const std::string& json, const std::string& part) {
    const std::string error = OwnRecipe(json).error();
    EXPECT_NE(error.find(part), std::string::npos) << json << ": " << error;
    EXPECT_NE(error.find("Short.json"), std::string::npos) << error;
  };
  says(R"({"epoch": 3})", "epoch");
  says(R"({"epochs": 0})", "less than 1");
  says(R"({"epochs": "3"})", "epochs");
  says(R"({"loss": "hinge"})", "none of dice_ce, ce, dice, topk, dice_topk");
  says(R"({"forced_share": 1.5})", "not between 0 and 1");
  says(R"({"label_order": 3})", "known are 0 (nearest) and 1 (linear)");
  says(R"({"based_on": "Mine"})", "there is no trainer Mine");
  says(R"({"name": "nnUNetTrainer_5epochs"})", "needs another name");
  says(R"({"name": "a/b"})", "letters, digits");
  says(R"({"name": "a__b"})", "letters, digits");
  says("[1]", "");
}

}  // namespace
}  // namespace nnunet::v2
