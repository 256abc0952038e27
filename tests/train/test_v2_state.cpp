#include "train/v2_state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"
#include "tiny_training.h"
#include "train/batch_evaluation.h"
#include "train/v2_fold_folder.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::FormulaBatches;
using test::TempFolder;

NetworkPlan tiny_plan() {
  NetworkPlan plan;
  plan.naming = Naming::nnunet_v2;
  plan.n_class = 3;
  plan.kernels = {{3, 3, 3}, {3, 3, 3}, {3, 3, 3}};
  plan.strides = {{1, 1, 1}, {1, 2, 2}, {2, 2, 2}};
  plan.filters = {4, 6, 8};
  plan.encoder_blocks = {1, 1, 1};
  plan.decoder_blocks = {1, 1};
  plan.conv_bias = plan.deep_supervision = true;
  plan.shortcut = Shortcut::pooling;
  plan.decoder_kernel = DecoderKernel::own;
  return plan;
}

/// A training as nnU-Net v2's, of a tiny network in memory.
struct TinyV2Training {
  v2::TrainerRecipe trainer;
  TrainingRecipe recipe;
  TrainingState state;
  Loss loss;
  ProcessGroup group;
  TrainStep step;
  FormulaBatches batches{3}, validation{2};

  explicit TinyV2Training(const std::string& name = "nnUNetTrainer_5epochs")
      : trainer(v2::trainer_recipe(name)),
        recipe(parts(trainer)),
        state(first_state(recipe, network(), Precision::fp32, torch::kCPU)),
        loss(recipe.loss),
        step(state, loss, {.native = true, .gradient_clip_val = 12}, torch::kCPU, group) {
    torch::set_num_threads(1);
  }

  static UNet network() {
    UNet network(tiny_plan());
    network->initialize(1);
    network->place(torch::kCPU, torch::MemoryFormat::Contiguous);
    return network;
  }
  static TrainingRecipe parts(const v2::TrainerRecipe& r) {
    TrainingRecipe recipe;
    recipe.loss.v2 = V2LossOptions();
    recipe.loss.head_weights = deep_supervision_weights(2);
    const bool sgd = r.optimizer == v2::OptimizerKind::sgd;
    recipe.optimizer = {.name = sgd ? "nesterov" : "adamw_amsgrad",
                        .learning_rate = r.learning_rate,
                        .momentum = r.momentum,
                        .weight_decay = r.weight_decay};
    recipe.scheduler.name = "poly";
    recipe.scheduler.max_epochs = 5;
    recipe.length.max_epochs = recipe.length.min_epochs = 5;
    return recipe;
  }

  EpochLoop::End run(LoopEvents events = {}) {
    const LoopParts parts{batches, [this](const Batch& batch) { return step(batch); },
                          [this] {
                            return nnunet::evaluate({validation, *recipe.loss.v2, group, {}}, state, step);
                          }};
    return EpochLoop(state, parts, recipe.length, std::move(events)).run();
  }

  void save(const fs::path& file) const {
    V2Checkpoint c = v2_checkpoint_of(state, trainer);
    c.configuration = "3d_fullres";
    c.fold = std::string("0");
    c.trainer = trainer.name;
    c.plans = c.dataset = nlohmann::ordered_json::object();
    save_v2_checkpoint(file, tiny_plan(), c);
  }
  void load(const fs::path& file) { load_v2_state(load_v2_checkpoint(file, tiny_plan()), state, file.string()); }

  torch::Tensor weights() const {
    std::vector<torch::Tensor> all;
    for (const auto& p : state.network->parameters()) all.push_back(p.detach().flatten().clone());
    return torch::cat(all);
  }
};

LoopEvents stop_after(std::int64_t steps) {
  LoopEvents events;
  events.asked_to_stop = [done = std::int64_t{0}, steps]() mutable { return ++done == steps; };
  return events;
}

void expect_same(const TinyV2Training& a, const TinyV2Training& b) {
  EXPECT_TRUE(torch::equal(a.weights(), b.weights()));
  const V2Logging x = v2_logging(a.state.history), y = v2_logging(b.state.history);
  EXPECT_EQ(x.train_losses, y.train_losses);
  EXPECT_EQ(x.val_losses, y.val_losses);
  EXPECT_EQ(x.mean_fg_dice, y.mean_fg_dice);
  EXPECT_EQ(x.ema_fg_dice, y.ema_fg_dice);
  EXPECT_EQ(x.lrs, y.lrs);
  EXPECT_EQ(a.state.history.best(), b.state.history.best());
}

/// Stopped after any step, saved as nnU-Net's checkpoint and gone on from: the digits of a training that went on.
TEST(V2State, GoesOnWithTheSameDigits) {
  for (const std::string trainer : {"nnUNetTrainer_5epochs", "nnUNetTrainerAdam1en3"}) {
    TinyV2Training undisturbed(trainer);
    EXPECT_EQ(undisturbed.run(), EpochLoop::End::all_epochs);
    for (const std::int64_t steps : {1, 3, 8}) {
      const TempFolder folder;
      TinyV2Training before(trainer), after(trainer);
      EXPECT_EQ(before.run(stop_after(steps)), EpochLoop::End::asked_to_stop);
      before.save(folder / "checkpoint_latest.pth");
      after.load(folder / "checkpoint_latest.pth");
      EXPECT_EQ(after.run(), EpochLoop::End::all_epochs);
      expect_same(undisturbed, after);
    }
  }
}

/// What nnU-Net wrote has no word of the epoch that is running.
TEST(V2State, ForeignCheckpointsBeginAnEpoch) {
  TinyV2Training before, after;
  before.run(stop_after(4));
  V2Checkpoint c = v2_checkpoint_of(before.state, before.trainer);
  c.own = {};
  load_v2_state(c, after.state, "test");
  EXPECT_EQ(after.state.epoch, 1);
  EXPECT_EQ(after.state.progress.step, 0);
  EXPECT_DOUBLE_EQ(after.state.optimizer->learning_rate(), 0.01 * std::pow(1 - 1.0 / 5, 0.9));
  EXPECT_TRUE(torch::equal(before.weights(), after.weights()));
}

TEST(V2State, HeadsThatGetNoGradientHaveNoMomentum) {
  TinyV2Training training;
  training.run(stop_after(2));
  const V2Checkpoint c = v2_checkpoint_of(training.state, training.trainer);
  const auto parameters = training.state.network->named_parameters();
  ASSERT_EQ(c.optimizer.parameters, static_cast<std::int64_t>(parameters.size()));
  std::vector<bool> has(parameters.size());
  for (const auto& [index, tensors] : c.optimizer.state) has[static_cast<std::size_t>(index)] = true;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    EXPECT_EQ(has[i], !parameters[i].key().starts_with("decoder.seg_layers.0.")) << parameters[i].key();
  EXPECT_EQ(c.optimizer.number("momentum"), 0.99);
  EXPECT_EQ(c.optimizer.number("weight_decay"), 3e-5);
  EXPECT_EQ(c.optimizer.number("initial_lr"), 0.01);
}

TEST(V2State, RefusesAnotherNetworksOptimizer) {
  TinyV2Training training, other;
  training.run(stop_after(1));
  V2Checkpoint c = v2_checkpoint_of(training.state, training.trainer);
  c.optimizer.parameters += 1;
  EXPECT_THROW(load_v2_state(c, other.state, "test"), Error);
}

EpochRecord with_dice(float mean) {
  EpochRecord record;
  record.pseudo = PseudoDice{{mean}, mean, 0};
  return record;
}

TEST(History, TheLargestMovingAverageIsTheBest) {
  History history;
  history.add(with_dice(0.5F));
  EXPECT_TRUE(history.last_is_best());
  EXPECT_EQ(history.epochs().back().pseudo->average, 0.5F);
  history.add(with_dice(0.4F));
  EXPECT_FALSE(history.last_is_best());
  EXPECT_EQ(history.epochs().back().pseudo->average, 0.5F * 0.9F + 0.1F * 0.4F);
  history.add(with_dice(0.9F));
  EXPECT_TRUE(history.last_is_best());
  history.add(with_dice(history.epochs().back().pseudo->average));  // the same again is not better
  EXPECT_EQ(history.best(), 2U);
}

TEST(History, NothingIsBetterThanNaN) {
  History history;
  history.add(with_dice(std::numeric_limits<float>::quiet_NaN()));
  EXPECT_TRUE(history.last_is_best());
  history.add(with_dice(0.5F));
  EXPECT_FALSE(history.last_is_best());
  EXPECT_TRUE(std::isnan(history.epochs().back().pseudo->average));
}

/// The averages follow from the means, and the best of them is the one that nnU-Net noted.
TEST(V2State, HistoryOfNnunetsOwnTrainings) {
  const char* const model = "reference-v2/run/models/Dataset004_Hippocampus";
  NNUNET_NEEDS_SHARED(model);
  int trainings = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test::shared_dir() / model)) {
    if (entry.path().filename() != "checkpoint_final.pth") continue;
    const V2Checkpoint c = load_v2_checkpoint(entry.path(), *read_v2_model_plan(entry.path()).model.network);
    const History history = history_from(c.logging, c.epochs_done, "test");
    const V2Logging log = v2_logging(history);
    EXPECT_EQ(std::memcmp(log.ema_fg_dice.data(), c.logging.ema_fg_dice.data(), 4 * log.ema_fg_dice.size()), 0);
    ASSERT_TRUE(history.best());
    EXPECT_EQ(history.epochs()[*history.best()].pseudo->average, *c.best_ema) << entry.path();
    EXPECT_EQ(log.train_losses, c.logging.train_losses);
    EXPECT_EQ(log.lrs, c.logging.lrs);
    ++trainings;
  }
  EXPECT_GE(trainings, 7);
}

TEST(PseudoDice, LeavesOutWhatOccursNowhere) {
  const PseudoDice dice = pseudo_dice({{3, 0, 1}, {1, 0, 0}, {1, 0, 2}});
  ASSERT_EQ(dice.of_class.size(), 3U);
  EXPECT_FLOAT_EQ(dice.of_class[0], 0.75F);
  EXPECT_TRUE(std::isnan(dice.of_class[1]));
  EXPECT_FLOAT_EQ(dice.of_class[2], 0.5F);
  EXPECT_FLOAT_EQ(dice.mean, 0.625F);
  EXPECT_TRUE(std::isnan(pseudo_dice({{0}, {0}, {0}}).mean));
}

TEST(V2FoldFolder, ContinuesTheFinalElseTheLatestElseTheBest) {
  const TempFolder temp;
  const V2FoldFolder folder(temp / "fold_0");
  folder.prepare();
  EXPECT_FALSE(folder.newest());
  for (const char* const name : {V2FoldFolder::kBest, V2FoldFolder::kLatest, V2FoldFolder::kFinal}) {
    write_text(folder.file(name), "x");
    EXPECT_EQ(folder.newest(), folder.file(name));
  }
  folder.remove_latest();
  EXPECT_FALSE(folder.has(V2FoldFolder::kLatest));
  EXPECT_THROW((void)V2FoldFolder(temp / "fold_1").required(V2FoldFolder::kFinal), Error);
}

TEST(V2FoldFolder, AnEarlierTrainingIsMoved) {
  const TempFolder temp;
  const V2FoldFolder folder(temp.path());
  for (const char* const name : {"checkpoint_final.pth", "progress.png", "training_log_2026_1_2_03_04_05.txt", "notes"})
    write_text(folder.file(name), name);
  fs::create_directory(folder.file("validation"));
  folder.keep_earlier();
  for (const char* const name :
       {"checkpoint_final.pth", "progress.png", "training_log_2026_1_2_03_04_05.txt", "validation"}) {
    EXPECT_FALSE(fs::exists(folder.file(name))) << name;
    EXPECT_TRUE(fs::exists(folder.path() / "earlier-1" / name)) << name;
  }
  EXPECT_TRUE(fs::exists(folder.file("notes")));  // not of a training
  folder.keep_earlier();
  EXPECT_FALSE(fs::exists(folder.path() / "earlier-2"));
}

TEST(V2TrainingNote, OtherCasesAreRefusedOtherStepsAreSaid) {
  const V2TrainingNote note{7, 250, 2, {{"a", "b"}, {"c"}}};
  const Value own(note_value(note));
  EXPECT_TRUE(compare_note(own, note, "test").empty());
  EXPECT_TRUE(compare_note({}, note, "test").empty());
  V2TrainingNote other = note;
  other.seed = 8;
  other.batch_size = 3;
  EXPECT_EQ(compare_note(own, other, "test"),
            (std::vector<std::string>{"seed: 7 before, 8 now", "batch size: 2 before, 3 now"}));
  other = note;
  other.split.val = {"d"};
  EXPECT_THROW((void)compare_note(own, other, "test"), Error);
  other = note;
  other.split.train = {"b", "a"};  // in another order
  EXPECT_TRUE(compare_note(own, other, "test").empty());
}

}  // namespace
}  // namespace nnunet
