#include "epoch_log.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "nnunet/io/atomic_file.h"

namespace nnunet {

namespace {

/// The epoch of a line of the log; -1 for anything else, such as what a killed process left of a line.
std::int64_t epoch_of(std::string_view line) {
  constexpr std::string_view prefix = "DLLL ";
  if (!line.starts_with(prefix)) return -1;
  const auto json = nlohmann::json::parse(line.substr(prefix.size()), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return -1;
  return json["step"].get<std::int64_t>();
}

/// Keeps the lines of epochs before `end`, each once. Returns their epochs.
std::set<std::int64_t> trim(const std::filesystem::path& file, std::int64_t end) {
  std::set<std::int64_t> kept;
  if (!std::filesystem::exists(file)) return kept;
  const std::string text = read_text(file);
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const std::int64_t epoch = epoch_of(line);
    if (epoch >= 0 && epoch < end && kept.insert(epoch).second) result += line + "\n";
  }
  if (result != text) write_text(file, result);
  return kept;
}

/// Of the classes that occur; null where none does.
nlohmann::ordered_json rounded_mean(const EpochRecord& r) {
  const auto mean = mean_dice(r.dice);
  return mean ? nlohmann::ordered_json(rounded(*mean, 2)) : nlohmann::ordered_json(nullptr);
}

}  // namespace

EpochLog::EpochLog(const std::filesystem::path& file, const History& history)
    : kept_(history.epochs().empty() ? std::set<std::int64_t>() : trim(file, history.epochs().back().epoch + 1)),
      logger_(file, /*append=*/!history.epochs().empty()) {
  for (std::size_t i = 0; i < history.epochs().size(); ++i)
    if (!kept_.contains(history.epochs()[i].epoch)) add(history, i);
}

void EpochLog::add(const History& history, std::size_t index) {
  const EpochRecord& r = history.epochs()[index];
  if (r.dice.empty()) return;
  const EpochRecord& top = history.epochs()[history.best_until(index)];
  nlohmann::ordered_json data;
  data["mean dice"] = rounded_mean(r);
  data["TOP_mean"] = rounded_mean(top);
  if (r.dice.size() > 1)
    for (std::size_t c = 0; c < r.dice.size(); ++c) {
      if (r.dice[c].cases > 0) data[fmt::format("L{}", c + 1)] = rounded(r.dice[c].dice, 2);
      if (top.dice[c].cases > 0) data[fmt::format("TOP_L{}", c + 1)] = rounded(top.dice[c].dice, 2);
    }
  data["val_loss"] = rounded(*r.val_loss, 4);
  data["val_loss_full"] = *r.val_loss;
  data["train_loss"] = r.train_loss;
  data["data_wait_percent"] = rounded(r.data_wait_percent, 3);
  logger_.log(r.epoch, data);
}

}  // namespace nnunet
