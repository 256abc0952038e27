#include "auto_record.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"

namespace nnunet {
namespace {

constexpr int kVersion = 1;

bool is_record(const v2::Json& content) {
  if (!content.is_object() || content.value("version", v2::Json()) != kVersion || !content.contains("stages") ||
      !content["stages"].is_object())
    return false;
  for (const auto& [name, stage] : content["stages"].items())
    if (!stage.is_object() || !stage.contains("result") || !stage.contains("seconds") || !stage["seconds"].is_number())
      return false;
  return true;
}

}  // namespace

std::string training_stage(const std::string& configuration, const std::string& fold) {
  return fmt::format("train {}, fold {}", configuration, fold);
}

AutoRecord::AutoRecord(std::filesystem::path file) : file_(std::move(file)) {
  content_ = v2::Json{{"version", kVersion}, {"stages", v2::Json::object()}};
  if (!std::filesystem::exists(file_)) return;
  content_ = v2::read_python_json(file_);
  if (!is_record(content_))
    throw Error(file_.string(), "is no record of nnunet auto that this version can go on from",
                "choose another --output");
}

void AutoRecord::set_asked(v2::Json asked) {
  content_["asked"] = std::move(asked);
  save();
}

void AutoRecord::finish(const std::string& stage, double seconds, v2::Json result) {
  content_["stages"][stage] = v2::Json{{"seconds", seconds}, {"result", std::move(result)}};
  save();
  log::info(fmt::format("{}: {}", stage, format_duration(seconds)));
}

std::vector<std::pair<std::string, double>> AutoRecord::seconds() const {
  std::vector<std::pair<std::string, double>> list;
  for (const auto& [name, stage] : content_["stages"].items())
    list.emplace_back(name, stage.at("seconds").get<double>());
  return list;
}

double AutoRecord::all_seconds() const {
  double sum = 0;
  for (const auto& [name, each] : seconds()) sum += each;
  return sum;
}

void AutoRecord::announce(const std::string& name) {
  log::info(fmt::format("== {}", name));
}

void AutoRecord::save() const {
  v2::write_python_json(file_, content_, v2::Keys::as_they_are);
}

}  // namespace nnunet
