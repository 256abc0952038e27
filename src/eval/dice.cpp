#include "nnunet/eval/dice.h"

#include <fmt/format.h>

namespace nnunet {
namespace {

/// "2", "2, 3", "2 to 4, 7": runs of three and more are shortened.
std::string list_text(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (std::size_t i = 0, end = 0; i < numbers.size(); i = end) {
    for (end = i + 1; end < numbers.size() && numbers[end] == numbers[end - 1] + 1;) ++end;
    if (end - i < 3) end = i + 1;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", numbers[i]);
    if (end - i > 1) text += fmt::format(" to {}", numbers[end - 1]);
  }
  return text;
}

}  // namespace

double case_dice(std::int64_t both, std::int64_t prediction, std::int64_t label) {
  const std::int64_t size = prediction + label;  // 2TP + FP + FN
  return size == 0 ? 1 : 2 * static_cast<double>(both) / static_cast<double>(size);
}

std::optional<double> mean_dice(const std::vector<ClassDice>& classes) {
  double sum = 0;
  std::int64_t count = 0;
  for (const ClassDice& c : classes) {
    if (c.cases == 0) continue;
    sum += c.dice;
    ++count;
  }
  return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
}

std::string dice_line(const std::vector<ClassDice>& classes, int digits) {
  const auto mean = mean_dice(classes);
  if (!mean) return "mean dice: - (no label and no prediction holds any class but background)";
  std::string line = fmt::format("mean dice: {:.{}f} -", *mean, digits);
  for (std::size_t c = 0; c < classes.size(); ++c)
    if (classes[c].cases > 0) line += fmt::format(" L{} {:.{}f}", c + 1, classes[c].dice, digits);
  return line;
}

std::string absent_classes_note(const std::vector<ClassDice>& classes) {
  std::vector<std::size_t> absent;
  for (std::size_t c = 0; c < classes.size(); ++c)
    if (classes[c].cases == 0) absent.push_back(c + 1);
  if (absent.empty()) return {};
  return fmt::format("{} {} in no label and no prediction; left out of the mean",
                     absent.size() == 1 ? "class" : "classes",
                     list_text(absent) + (absent.size() == 1 ? " is" : " are"));
}

std::string dice_text(const std::vector<ClassDice>& classes, int digits) {
  const std::string note = absent_classes_note(classes);
  return dice_line(classes, digits) + (note.empty() ? "" : "\n" + note);
}

}  // namespace nnunet
