#include <gtest/gtest.h>

#include "nnunet/eval/dice.h"

namespace nnunet {
namespace {

TEST(Dice, OfACase) {
  EXPECT_DOUBLE_EQ(case_dice(2, 3, 5), 0.5);
  EXPECT_DOUBLE_EQ(case_dice(0, 0, 0), 1);
  EXPECT_DOUBLE_EQ(case_dice(0, 4, 0), 0);
  EXPECT_DOUBLE_EQ(case_dice(0, 0, 4), 0);
}

TEST(Dice, MeanIsOverClassesThatOccur) {
  const std::vector<ClassDice> classes{{0.5, 3}, {1, 0}, {0.25, 1}};
  EXPECT_DOUBLE_EQ(mean_dice(classes).value(), 0.375);
  EXPECT_EQ(dice_line(classes, 3), "mean dice: 0.375 - L1 0.500 L3 0.250");
  EXPECT_EQ(dice_text(classes, 1),
            "mean dice: 0.4 - L1 0.5 L3 0.2\nclass 2 is in no label and no prediction; left out of the mean");
  EXPECT_FALSE(mean_dice({{1, 0}, {1, 0}}));
  EXPECT_FALSE(mean_dice({}));
  EXPECT_EQ(dice_line({{1, 0}}, 2).find('1'), std::string::npos);
}

TEST(Dice, AbsentClassesAreNamed) {
  const auto note = [](const std::vector<int>& present) {
    std::vector<ClassDice> classes;
    for (const int cases : present) classes.push_back({1, cases});
    const std::string text = absent_classes_note(classes);
    return text.substr(0, text.find(" in no label"));
  };
  EXPECT_EQ(note({1, 2}), "");
  EXPECT_EQ(note({0, 1, 0, 0, 1}), "classes 1, 3, 4 are");
  EXPECT_EQ(note({1, 0, 0, 0, 1, 0, 0, 0, 0}), "classes 2 to 4, 6 to 9 are");
}

}  // namespace
}  // namespace nnunet
