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

std::string count(int cases) {
  return fmt::format("{}", cases);
}

std::string means_table(const FolderScore& score) {
  Table table(
      {"class", "Dice", "n", "HD95 (mm)", "n", "precision", "n", "recall", "n", "predicted (mL)", "label (mL)"});
  for (std::size_t c = 0; c < score.classes.size(); ++c) {
    const ClassMean& m = score.classes[c];
    if (m.cases == 0) continue;
    table.add({fmt::format("L{}", c + 1), fixed(m.dice, 4), count(static_cast<int>(score.cases.size())),
               fixed(m.hd95, 2), count(m.cases_hd95), fixed(m.precision, 4), count(m.cases_pred), fixed(m.recall, 4),
               count(m.cases_label), fixed(m.volume_pred, 2), fixed(m.volume_label, 2)});
  }
  return table.text();
}

/// What the means leave out.
std::string means_note(const FolderScore& score) {
  const int all = static_cast<int>(score.cases.size());
  std::string text = "n: cases in the mean";
  if (std::ranges::any_of(score.classes, [&](const ClassMean& m) { return m.cases > 0 && m.cases_hd95 < all; }))
    text +=
        "; HD95 needs the class in label and prediction, precision in the prediction, recall in the label; Dice is 1 "
        "where a case has it in neither";
  text += ".\n";
  const std::string absent = absent_classes_note(class_dice(score));
  return absent.empty() ? text : text + absent + ".\n";
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
  if (score.mean_dice) text += means_table(score) + means_note(score);
  if (!score.mean_dice && !score.cases.empty()) text += "No file holds any class but background.\n";
  if (score.labels_left > 0) text += fmt::format("Labels without a prediction, not scored: {}.\n", score.labels_left);
  for (const ScoreFailure& failure : score.failures)
    text += fmt::format("not scored: {}: {}\n", failure.name, failure.reason);
  if (score.mean_dice) text += dice_line(class_dice(score), 4) + "\n";
  return text;
}

std::string score_csv(const FolderScore& score) {
  std::string text = "case,class,dice,hd95_mm,precision,recall,volume_pred_ml,volume_label_ml\n";
  for (const CaseScore& one : score.cases)
    for (std::size_t c = 0; c < one.classes.size(); ++c) {
      if (score.classes[c].cases == 0) continue;
      const ClassScore& s = one.classes[c];
      text += fmt::format("{},L{},{},{},{},{},{},{}\n", csv_cell(one.name), c + 1, csv_number(s.dice),
                          csv_number(s.hd95), csv_number(s.precision), csv_number(s.recall), csv_number(s.volume_pred),
                          csv_number(s.volume_label));
    }
  return text;
}

std::string score_json(const FolderScore& score) {
  ordered_json json;
  json["mean dice"] = optional_json(score.mean_dice);
  json["cases scored"] = score.cases.size();
  json["classes"] = ordered_json::object();
  json["classes left out"] = ordered_json::array();
  for (std::size_t c = 0; c < score.classes.size(); ++c) {
    const ClassMean& mean = score.classes[c];
    const std::string name = fmt::format("L{}", c + 1);
    if (mean.cases == 0) {
      json["classes left out"].push_back(name);
      continue;
    }
    ordered_json& entry = json["classes"][name];
    entry = class_json(mean);
    entry["cases"] = score.cases.size();
    entry["cases_with_class"] = mean.cases;
    entry["cases_with_prediction"] = mean.cases_pred;
    entry["cases_with_label"] = mean.cases_label;
    entry["cases_with_hd95"] = mean.cases_hd95;
  }
  json["cases"] = ordered_json::array();
  for (const CaseScore& one : score.cases) {
    ordered_json classes = ordered_json::object();
    for (std::size_t c = 0; c < one.classes.size(); ++c)
      if (score.classes[c].cases > 0) classes[fmt::format("L{}", c + 1)] = class_json(one.classes[c]);
    json["cases"].push_back({{"name", one.name}, {"classes", classes}});
  }
  json["failures"] = ordered_json::array();
  for (const ScoreFailure& failure : score.failures)
    json["failures"].push_back({{"name", failure.name}, {"reason", failure.reason}});
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace nnunet
