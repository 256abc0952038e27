// The loop by itself: a tiny network, nothing on disk but where cases are to be bad.
#include "nnunet/train/epoch_loop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <numeric>

#include "data/preprocessed.h"
#include "data/training_cases.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/data/patch_loader.h"
#include "tiny_training.h"

namespace nnunet {
namespace {

using test::FormulaBatches;
using test::TinyTraining;
using End = EpochLoop::End;

/// Asks to stop after so many steps.
LoopEvents stop_after(std::int64_t steps) {
  LoopEvents events;
  events.asked_to_stop = [done = std::int64_t{0}, steps]() mutable { return ++done == steps; };
  return events;
}

void expect_the_same(const TinyTraining& a, const TinyTraining& b) {
  EXPECT_TRUE(torch::equal(a.weights(), b.weights()));
  EXPECT_EQ(a.losses(), b.losses());
  EXPECT_EQ(a.state.epoch, b.state.epoch);
  EXPECT_EQ(a.state.steps, b.state.steps);
  EXPECT_EQ(a.state.history.best(), b.state.history.best());
}

TEST(EpochLoop, RunsAllEpochsAndLearns) {
  TinyTraining t;
  t.recipe.length.max_epochs = 8;
  EXPECT_EQ(t.run(), End::all_epochs);
  EXPECT_EQ(t.state.epoch, 8);
  EXPECT_EQ(t.state.steps, 24);
  EXPECT_EQ(t.state.progress.step, 0);
  const auto& epochs = t.state.history.epochs();
  ASSERT_EQ(epochs.size(), 8U);
  EXPECT_LT(epochs.back().train_loss, epochs.front().train_loss);
  EXPECT_LT(*epochs.back().val_loss, *epochs.front().val_loss);
  EXPECT_EQ(t.run(), End::all_epochs);  // nothing is left
  EXPECT_EQ(t.state.steps, 24);
}

TEST(EpochLoop, ResumedAfterAnyStepItGivesTheSameDigits) {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"radam", "plateau"}, {"adam", "multistep"}, {"sgd", "cosine"}, {"radam", "none"}};
  for (const auto& [optimizer, scheduler] : kinds) {
    TrainOptions options = TinyTraining::tiny_options();
    options.optimizer.name = optimizer;
    options.scheduler.name = scheduler;
    options.scheduler.steps = {1};
    options.scheduler.lr_patience = 0;
    options.scheduler.max_epochs = 2;
    TinyTraining straight(options);
    EXPECT_EQ(straight.run(), End::all_epochs);
    for (std::int64_t steps = 1; steps <= 6; ++steps) {
      SCOPED_TRACE(optimizer + ", " + scheduler + ", stopped after step " + std::to_string(steps));
      TinyTraining first(options), second(options);
      EXPECT_EQ(first.run(stop_after(steps)), End::asked_to_stop);
      EXPECT_EQ(first.state.steps, steps);
      second.go_on_from(first);
      EXPECT_EQ(second.run(), End::all_epochs);
      expect_the_same(second, straight);
    }
  }
}

TEST(EpochLoop, WhatWasSavedWithinAnEpochContinuesIt) {
  TinyTraining straight, saving, resumed;
  EXPECT_EQ(straight.run(), End::all_epochs);
  saving.recipe.length.save_every_n_steps = 2;
  std::vector<std::int64_t> saved;
  LoopEvents events;
  events.save = [&] {
    saved.push_back(saving.state.steps);
    if (saving.state.steps == 4) resumed.go_on_from(saving);
  };
  EXPECT_EQ(saving.run(events), End::all_epochs);
  EXPECT_EQ(saved, (std::vector<std::int64_t>{2, 4, 6}));
  EXPECT_EQ(resumed.state.epoch, 1);
  EXPECT_EQ(resumed.state.progress.step, 1);
  EXPECT_EQ(resumed.run(), End::all_epochs);
  expect_the_same(resumed, straight);
}

/// Images of some steps are not finite.
class SpoiltBatches final : public BatchSource {
 public:
  SpoiltBatches(std::int64_t steps, std::set<std::int64_t> spoilt) : batches_(steps), spoilt_(std::move(spoilt)) {}
  std::int64_t batches_per_epoch() const override { return batches_.batches_per_epoch(); }
  void start_epoch(std::int64_t epoch, std::int64_t first) override { batches_.start_epoch(epoch, first); }
  bool next(Batch& batch) override {
    if (!batches_.next(batch)) return false;
    if (spoilt_.contains(batch.step)) batch.image.get()[3] = std::numeric_limits<float>::quiet_NaN();
    return true;
  }
  double wait_seconds() const override { return 0; }

 private:
  FormulaBatches batches_;
  std::set<std::int64_t> spoilt_;
};

TEST(EpochLoop, AStepThatIsNotFiniteIsSkippedAndChangesNothing) {
  for (const std::string optimizer : {"radam", "adam", "sgd"}) {
    TrainOptions options = TinyTraining::tiny_options();
    options.optimizer.name = optimizer;
    TinyTraining spoilt(options), without(options);
    spoilt.recipe.length.most_skipped = 1;
    SpoiltBatches batches(3, {1});
    without.batches.left_out = {1};
    std::vector<torch::Tensor> after_step;
    LoopEvents events;
    events.asked_to_stop = [&] {
      after_step.push_back(spoilt.weights());
      return false;
    };
    EXPECT_EQ(spoilt.run(batches, events), End::all_epochs);
    EXPECT_EQ(without.run(), End::all_epochs);
    ASSERT_EQ(after_step.size(), 6U);
    EXPECT_TRUE(torch::equal(after_step[0], after_step[1])) << optimizer;
    EXPECT_FALSE(torch::equal(after_step[1], after_step[2])) << optimizer;
    EXPECT_TRUE(torch::equal(spoilt.weights(), without.weights())) << optimizer;
    EXPECT_EQ(spoilt.losses(), without.losses()) << optimizer;
    EXPECT_EQ(spoilt.state.steps, 6);
  }
}

TEST(EpochLoop, TooManyOfThemInARowAreAnError) {
  const auto message = [](std::set<std::int64_t> steps, std::int64_t most) -> std::string {
    TinyTraining t;
    t.recipe.length.most_skipped = most;
    SpoiltBatches batches(6, std::move(steps));
    LoopEvents events;
    events.where_not_finite = [](const Batch& batch) { return "the batch of " + batch.cases.front(); };
    try {
      t.run(batches, events);
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_EQ(message({1, 2, 4}, 2), "none");
  EXPECT_EQ(message({0, 2, 4}, 1), "none");  // good ones between them
  EXPECT_NE(message({1, 2, 3}, 2).find("epoch 0, step 4: the loss is not finite: the batch of first"),
            std::string::npos);
  EXPECT_NE(message({2}, 0).find("epoch 0, step 3"), std::string::npos);
}

TEST(EpochLoop, StopsEarlyWithoutABetterDice) {
  TinyTraining t;
  t.batches = FormulaBatches(1);
  t.dice = {10, 12, 12, 11, 5, 90};
  t.recipe.length = {.max_epochs = 20, .min_epochs = 0, .patience = 3};
  EXPECT_EQ(t.run(), End::early_stop);
  EXPECT_EQ(t.state.epoch, 5);
  EXPECT_EQ(t.state.history.best(), 1U);
  EXPECT_EQ(t.run(), End::early_stop);  // still

  TinyTraining longer;
  longer.batches = FormulaBatches(1);
  longer.dice = t.dice;
  longer.recipe.length = {.max_epochs = 9, .min_epochs = 6, .patience = 3};
  EXPECT_EQ(longer.run(), End::all_epochs);  // the sixth was better
  EXPECT_EQ(longer.state.epoch, 9);
}

TEST(EpochLoop, EpochsWithoutEvaluationNeitherCountNorAreBest) {
  TinyTraining t;
  t.batches = FormulaBatches(1);
  t.dice = {10, 9, 8};
  t.recipe.length = {.max_epochs = 20, .min_epochs = 0, .patience = 2, .skip_first_n_eval = 4};
  EXPECT_EQ(t.run(), End::early_stop);
  EXPECT_EQ(t.state.epoch, 7);
  EXPECT_EQ(t.state.history.best(), 4U);
  EXPECT_FALSE(t.state.history.epochs()[3].val_loss);
}

TEST(EpochLoop, ASignalBetweenStepsEndsItThere) {
  TinyTraining straight, stopped, resumed;
  EXPECT_EQ(straight.run(), End::all_epochs);
  Interrupt interrupt;
  LoopEvents events;
  events.asked_to_stop = [&] { return interrupt.requested(); };
  const LoopParts parts{stopped.batches,
                        [&](const Batch& batch) {
                          if (stopped.state.steps == 4) std::raise(SIGTERM);  // while the fifth is computed
                          return stopped.step(batch);
                        },
                        [&] { return stopped.evaluate(); }};
  EXPECT_EQ(EpochLoop(stopped.state, parts, stopped.recipe.length, events).run(), End::asked_to_stop);
  EXPECT_EQ(interrupt.signal_name(), "SIGTERM");
  EXPECT_EQ(stopped.state.steps, 5);
  EXPECT_EQ(stopped.state.epoch, 1);
  EXPECT_EQ(stopped.state.progress.step, 2);
  resumed.go_on_from(stopped);
  EXPECT_EQ(resumed.run(), End::all_epochs);
  expect_the_same(resumed, straight);
}

TEST(EpochLoop, AnEvaluationCanBeStopped) {
  TinyTraining t, resumed, straight;
  EXPECT_EQ(straight.run(), End::all_epochs);
  const LoopParts parts{t.batches, [&](const Batch& batch) { return t.step(batch); },
                        []() -> Evaluation { throw StopRequested{}; }};
  EXPECT_EQ(EpochLoop(t.state, parts, t.recipe.length).run(), End::asked_to_stop);
  EXPECT_EQ(t.state.epoch, 0);
  EXPECT_EQ(t.state.progress.step, 3);
  resumed.go_on_from(t);
  EXPECT_EQ(resumed.run(), End::all_epochs);
  expect_the_same(resumed, straight);
}

/// Cases on disk, one of which cannot be read.
class LoopOverCases : public testing::Test {
 protected:
  LoopOverCases() {
    const test::FolderWriter writer(temp_.path());
    writer.config("4,8,8", 3, 1);
    for (int i = 0; i < 5; ++i)
      writer.made(
          fmt::format("case_{}", i), 1, {6, 9, 10},
          [i](auto, auto d, auto h, auto w) { return std::sin(static_cast<double>(d * 31 + h * 7 + w * 3 + i)); },
          [](auto d, auto h, auto w) { return (d + h + w) % 3; });
    std::filesystem::resize_file(temp_ / "case_2_x.npy", 300);
    folder_.emplace(temp_.path(), "", 3);
  }
  LoaderOptions loading(std::int64_t most_bad) const {
    TrainOptions options = TinyTraining::tiny_options();
    options.batch_size = 2;
    options.num_workers = 1;
    options.max_bad_cases = most_bad;
    DataConfig config;
    config.patch_size = {4, 8, 8};
    return loader_options(reference_augmentation(), options, config, torch::kCPU);
  }
  std::vector<std::int64_t> cases() const {
    std::vector<std::int64_t> all(5);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  test::TempFolder temp_;
  std::optional<PreprocessedFolder> folder_;
};

TEST_F(LoopOverCases, GoesOnWithoutABadCase) {
  TinyTraining t;
  const LoaderOptions options = loading(1);
  Loader loader(*folder_, sample_epochs(cases(), {}), options);
  EXPECT_EQ(t.run(loader), End::all_epochs);
  EXPECT_EQ(t.state.steps, 6);
  EXPECT_EQ(options.bad_cases->names(), std::vector<std::string>{"case_2"});
}

TEST_F(LoopOverCases, FailsWithMoreThanAllowed) {
  TinyTraining t;
  Loader loader(*folder_, sample_epochs(cases(), {}), loading(0));
  EXPECT_THROW(t.run(loader), Error);
}

TEST(EpochLoop, RunsOnDrawnPatches) {
  const auto cases = std::make_shared<test::CasesInMemory>();
  cases->add(
      "case", 1, {6, 9, 10},
      [](auto, auto z, auto y, auto x) { return std::sin(static_cast<double>(z * 31 + y * 7 + x)); },
      [](auto z, auto y, auto x) { return (z + y + x) % 3; }, test::plain_labels(2));
  PatchLoaderOptions options;
  options.patch_size = {4, 8, 8};
  options.labels = test::plain_labels(2);
  options.steps = 7;
  options.num_workers = 1;
  TinyTraining t;
  EXPECT_EQ(t.run(*load_patches(cases, {"case"}, options)), End::all_epochs);
  EXPECT_EQ(t.state.steps, 14);
}

}  // namespace
}  // namespace nnunet
