#include "auto_choices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

using v2::Json;

constexpr const char *kLowres = "3d_lowres", *kCascade = "3d_cascade_fullres";

bool is_fold(const std::string& text) {
  return text == "all" || (!text.empty() && text.size() < 6 &&
                           std::ranges::all_of(text, [](unsigned char c) { return c >= '0' && c <= '9'; }));
}

void check_lists(const AutoOptions& o) {
  for (const auto* const list : {&o.folds, &o.configurations})
    for (const std::string& one : *list)
      if (std::ranges::count(*list, one) > 1)
        throw Error(list == &o.folds ? "--folds" : "--configurations", fmt::format("{} is given twice", one),
                    "give each once");
  for (const std::string& fold : o.folds)
    if (!is_fold(fold) || (fold == "all" && o.folds.size() > 1))
      throw Error("--folds", fmt::format("{} cannot be trained", fmt::join(o.folds, " ")),
                  "give numbers from 0 on, or all alone");
  const auto cascade = std::ranges::find(o.configurations, kCascade);
  if (cascade != o.configurations.end() && std::find(o.configurations.begin(), cascade, kLowres) == cascade)
    throw Error("--configurations", fmt::format("{} follows on what {} predicts", kCascade, kLowres),
                fmt::format("name {} before it", kLowres));
}

}  // namespace

void check_auto_options(const AutoOptions& o) {
  if (o.dataset.empty()) throw Error("--dataset", "is not given", "name the folder of a dataset");
  if (!(o.hours > 0)) throw Error("--hours", fmt::format("{} is no time", o.hours), "give a number above 0");
  check_lists(o);
}

v2::Json what_is_asked(const AutoOptions& o, const std::filesystem::path& source) {
  return Json{{"dataset", source.string()},
              {"seed", o.seed},
              {"configurations", o.configurations},
              {"folds", o.folds},
              {"epochs", o.epochs ? Json(*o.epochs) : Json()},
              {"iterations", o.iterations ? Json(*o.iterations) : Json()},
              {"memory_target", o.memory_target}};
}

v2::Json cost_json(const v2::TrainingCost& cost) {
  return {{"training", cost.batch.training},
          {"validation", cost.batch.validation},
          {"epoch", cost.batch.epoch},
          {"final_validation", cost.final_validation}};
}
v2::TrainingCost cost_of(const Json& json) {
  return {{json.at("training").get<double>(), json.at("validation").get<double>(), json.at("epoch").get<double>()},
          json.at("final_validation").get<double>()};
}

v2::Json schedule_json(const v2::TrainingSchedule& s) {
  return {{"configurations", s.configurations},
          {"folds", s.folds},
          {"epochs", s.length.epochs},
          {"iterations", s.length.iterations},
          {"validation_batches", s.length.validation_batches},
          {"seconds", s.seconds}};
}
v2::TrainingSchedule schedule_of(const Json& json) {
  return {json.at("configurations").get<std::vector<std::string>>(),
          json.at("folds").get<std::vector<std::string>>(),
          {json.at("epochs").get<int>(), json.at("iterations").get<int>(), json.at("validation_batches").get<int>()},
          json.at("seconds").get<double>()};
}

}  // namespace nnunet
