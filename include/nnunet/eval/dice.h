#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nnunet {

/// Dice of one class over a set of cases, in whichever unit the set is scored (0-1 or percent).
struct ClassDice {
  double dice = 0;         ///< mean over all cases of the set; a case with the class in neither map counts as perfect
  std::int64_t cases = 0;  ///< cases with the class in label or prediction; 0: it says nothing and leaves all means
};

/// Dice of one class in one case from counts of voxels (contract, section 4, "Metric"): 1 when absent from both.
double case_dice(std::int64_t both, std::int64_t prediction, std::int64_t label);

/// Mean over the classes that occur in any case of the set; none when no class does. What `score`, `evaluate`,
/// `predict` and the trainer call the mean Dice.
std::optional<double> mean_dice(const std::vector<ClassDice>& classes);

/// "mean dice: 0.8912 - L1 0.9001 L3 0.8823": class 1 first, without those that occur nowhere.
std::string dice_line(const std::vector<ClassDice>& classes, int digits);

/// "classes 2 to 4 are in no label and no prediction; left out of the mean"; empty when every class occurs.
std::string absent_classes_note(const std::vector<ClassDice>& classes);

/// The line, and below it the note, if there is one.
std::string dice_text(const std::vector<ClassDice>& classes, int digits);

}  // namespace nnunet
