#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/train/history.h"

namespace nnunet {
namespace {

EpochRecord epoch(std::int64_t number, const std::vector<ClassDice>& dice) {
  EpochRecord r;
  r.epoch = number;
  r.dice = dice;
  if (!dice.empty()) r.val_loss = 0.5;
  return r;
}

TEST(History, AFalseAlarmInAnAbsentClassIsNoGain) {
  History history;
  history.add(epoch(0, {{50, 3}, {100, 0}}));  // the second class is nowhere
  EXPECT_DOUBLE_EQ(mean_dice(history.epochs()[0].dice).value(), 50);
  // Predicted in one of three cases: its Dice, 67, is above the other class's and lifts the mean, but is no progress.
  history.add(epoch(1, {{50, 3}, {200. / 3, 1}}));
  EXPECT_GT(mean_dice(history.epochs()[1].dice).value(), 50);
  EXPECT_EQ(history.best().value(), 0U);
  EXPECT_EQ(history.epochs_without_improvement(), 1);
  history.add(epoch(2, {{51, 3}, {100, 0}}));
  EXPECT_TRUE(history.last_is_best());
}

TEST(History, TheBestStartsAnew) {
  History history;
  history.add(epoch(0, {{80, 2}}));
  history.add(epoch(1, {{70, 2}}));
  history.start_best_anew();
  EXPECT_FALSE(history.best());
  EXPECT_EQ(history.epochs_without_improvement(), 0);

  const auto copy = [](const History& from) {
    History to;
    to.load_state(from.state(), "test", from.best_from());
    return to;
  };
  History again = copy(history);  // saved before the first epoch since then
  EXPECT_FALSE(again.best());
  again.add(epoch(2, {{60, 2}}));
  EXPECT_EQ(again.best().value(), 2U);
  again.add(epoch(3, {{50, 2}}));
  again = copy(again);
  EXPECT_EQ(again.best().value(), 2U);
  EXPECT_EQ(again.best_until(3), 2U);
  EXPECT_EQ(again.best_until(1), 0U);
  EXPECT_EQ(again.epochs_without_improvement(), 1);
}

TEST(History, KeepsHowManyCasesHaveAClass) {
  History history;
  history.add(epoch(0, {{50, 3}, {100, 0}}));
  History read;
  read.load_state(history.state(), "test");
  ASSERT_EQ(read.epochs()[0].dice.size(), 2U);
  EXPECT_EQ(read.epochs()[0].dice[0].cases, 3);
  EXPECT_EQ(read.epochs()[0].dice[1].cases, 0);
  // Written before there were counts: every class took part.
  Value::List old;
  const Value state = history.state();
  for (const Value& r : state.as_list("state")) {
    Value::Dict record = r.as_dict("record");
    std::erase_if(record, [](const auto& entry) { return entry.first == "dice_cases"; });
    old.emplace_back(std::move(record));
  }
  read.load_state(Value(old), "test");
  EXPECT_DOUBLE_EQ(mean_dice(read.epochs()[0].dice).value(), 75);
}

}  // namespace
}  // namespace nnunet
