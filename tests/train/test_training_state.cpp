#include "nnunet/train/training_state.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "tiny_training.h"

namespace nnunet {
namespace {

using test::TinyTraining;

Value without(Value values, const std::string& key) {
  std::erase_if(std::get<Value::Dict>(values.data), [&](const auto& entry) { return entry.first == key; });
  return values;
}

LoopEvents stop_after(std::int64_t steps) {
  LoopEvents events;
  events.asked_to_stop = [done = std::int64_t{0}, steps]() mutable { return ++done == steps; };
  return events;
}

TEST(TrainingState, RulesLeaveOutWhatIsNotGoneOnFrom) {
  TinyTraining before;
  before.run(stop_after(4));
  const Value values(before.state.values());
  TinyTraining same, anew;
  EXPECT_TRUE(same.state.load(values, "test"));
  EXPECT_EQ(same.state.progress.step, 1);
  EXPECT_EQ(same.state.history.best(), 0U);
  EXPECT_TRUE(anew.state.load(values, "test", {.epoch_anew = true, .best_anew = true}));
  EXPECT_EQ(anew.state.epoch, 1);
  EXPECT_EQ(anew.state.progress.step, 0);
  EXPECT_FALSE(anew.state.history.best());
}

TEST(TrainingState, AnotherOptimizerAndScheduleBeginAnew) {
  TinyTraining before;
  before.run();
  TrainOptions options = TinyTraining::tiny_options();
  options.optimizer.name = "sgd";
  options.optimizer.learning_rate = 0.5;
  options.scheduler = {.name = "cosine", .max_epochs = 4};
  TinyTraining after(options);
  EXPECT_FALSE(after.state.load(Value(before.state.values()), "test"));
  EXPECT_DOUBLE_EQ(after.state.optimizer->learning_rate(), 0.25);  // half of the wave is over
}

TEST(TrainingState, OlderCheckpointsLackSomeOfIt) {
  TinyTraining before;
  before.run(stop_after(4));
  const Value values(before.state.values());
  TinyTraining after;
  EXPECT_TRUE(after.state.load(without(without(values, "best_from"), "epoch_state"), "test"));
  EXPECT_EQ(after.state.epoch, 1);
  EXPECT_EQ(after.state.progress.step, 0);
  for (const char* const key :
       {"epochs_done", "global_step", "optimizer_name", "optimizer", "scheduler", "scaler", "history"})
    EXPECT_THROW(after.state.load(without(values, key), "test"), Error) << key;
}

}  // namespace
}  // namespace nnunet
