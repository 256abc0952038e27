// How a FolderScore reads: text, CSV, JSON.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nnunet/core/table.h"
#include "nnunet/eval/score_folder.h"

namespace nnunet {
namespace {

using nlohmann::ordered_json;

std::string fixed(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
}

std::string means_table(const FolderScore& score) {
  Table table({"class", "cases", "Dice", "HD95 (mm)", "precision", "recall", "predicted (mL)", "label (mL)"});
  for (std::size_t c = 0; c < score.classes.size(); ++c) {
    const ClassMean& m = score.classes[c];
    table.add({fmt::format("L{}", c + 1), fmt::format("{}", m.cases_label), fixed(m.dice, 4), fixed(m.hd95, 2),
               fixed(m.precision, 4), fixed(m.recall, 4), fixed(m.volume_pred, 2), fixed(m.volume_label, 2)});
  }
  return table.text();
}

/// Which cases the means of HD95 leave out.
std::string hd95_note(const FolderScore& score) {
  std::string left;
  const int all = static_cast<int>(score.cases.size());
  for (std::size_t c = 0; c < score.classes.size(); ++c)
    if (score.classes[c].cases_hd95 < all)
      left += fmt::format("{}L{} {}", left.empty() ? "" : ", ", c + 1, score.classes[c].cases_hd95);
  if (left.empty()) return {};
  return fmt::format(
      "HD95 is the mean over the cases where label and prediction both have the class; of {} case{} these are: {}.\n",
      all, all == 1 ? "" : "s", left);
}

std::string dice_line(const FolderScore& score) {
  std::string line = fmt::format("mean dice: {:.4f} -", score.mean_dice);
  for (std::size_t c = 0; c < score.classes.size(); ++c)
    line += fmt::format(" L{} {:.4f}", c + 1, score.classes[c].dice);
  return line + "\n";
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{:.6g}", *value) : std::string();
}

ordered_json optional_json(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

/// ClassScore and ClassMean share these fields.
template <class Score>
ordered_json class_json(const Score& s) {
  return {{"dice", s.dice},
          {"hd95_mm", optional_json(s.hd95)},
          {"precision", optional_json(s.precision)},
          {"recall", optional_json(s.recall)},
          {"volume_pred_ml", s.volume_pred},
          {"volume_label_ml", s.volume_label}};
}

}  // namespace

std::string score_text(const FolderScore& score) {
  std::string text;
  if (!score.classes.empty()) text += means_table(score) + hd95_note(score);
  if (score.classes.empty() && !score.cases.empty()) text += "No file holds any class but background.\n";
  if (score.labels_left > 0) text += fmt::format("Labels without a prediction, not scored: {}.\n", score.labels_left);
  for (const ScoreFailure& failure : score.failures)
    text += fmt::format("not scored: {}: {}\n", failure.name, failure.reason);
  if (!score.classes.empty()) text += dice_line(score);
  return text;
}

std::string score_csv(const FolderScore& score) {
  std::string text = "case,class,dice,hd95_mm,precision,recall,volume_pred_ml,volume_label_ml\n";
  for (const CaseScore& one : score.cases)
    for (std::size_t c = 0; c < one.classes.size(); ++c) {
      const ClassScore& s = one.classes[c];
      text += fmt::format("{},L{},{},{},{},{},{},{}\n", csv_cell(one.name), c + 1, csv_number(s.dice),
                          csv_number(s.hd95), csv_number(s.precision), csv_number(s.recall), csv_number(s.volume_pred),
                          csv_number(s.volume_label));
    }
  return text;
}

std::string score_json(const FolderScore& score) {
  ordered_json json;
  json["mean dice"] = score.classes.empty() ? ordered_json(nullptr) : ordered_json(score.mean_dice);
  json["classes"] = ordered_json::object();
  for (std::size_t c = 0; c < score.classes.size(); ++c) {
    ordered_json& entry = json["classes"][fmt::format("L{}", c + 1)];
    entry = class_json(score.classes[c]);
    entry["cases_with_label"] = score.classes[c].cases_label;
    entry["cases_with_hd95"] = score.classes[c].cases_hd95;
  }
  json["cases"] = ordered_json::array();
  for (const CaseScore& one : score.cases) {
    ordered_json classes = ordered_json::object();
    for (std::size_t c = 0; c < one.classes.size(); ++c)
      classes[fmt::format("L{}", c + 1)] = class_json(one.classes[c]);
    json["cases"].push_back({{"name", one.name}, {"classes", classes}});
  }
  json["failures"] = ordered_json::array();
  for (const ScoreFailure& failure : score.failures)
    json["failures"].push_back({{"name", failure.name}, {"reason", failure.reason}});
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace nnunet
