#include <fmt/format.h>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/postprocessing.h"

namespace nnunet::v2 {
namespace {

constexpr const char* kModule = "nnunetv2.postprocessing.remove_connected_components";
constexpr const char* kFunction = "remove_all_but_largest_component_from_segmentation";
constexpr const char* kRemedy = "make it with nnUNetv2_determine_postprocessing or nnUNetv2_find_best_configuration";

int label_of(const PythonValue& value, const std::string& file) {
  const std::int64_t label = value.as_int(file + ": labels_or_regions");
  if (label < 0 || label > 65535) throw Error(file, fmt::format("{} is no label", label), kRemedy);
  return static_cast<int>(label);
}

LabelOrRegion label_or_region(const PythonValue& value, const std::string& file) {
  const auto* const items = value.items();
  if (items == nullptr) return {{label_of(value, file)}, false};
  LabelOrRegion region{{}, true};
  for (const PythonValue& item : *items) region.values.push_back(label_of(item, file));
  return region;
}

KeepLargest read_step(const PythonValue& arguments, const std::string& file) {
  const auto* const entries = std::get_if<PythonValue::Dict>(&arguments.data);
  if (entries == nullptr) throw Error(file, "a function has no arguments", kRemedy);
  KeepLargest step;
  bool given = false;
  for (const auto& [key, value] : entries->entries) {
    const auto* const name = std::get_if<std::string>(&key.data);
    if (name != nullptr && *name == "background_label") {
      step.background = label_of(value, file);
    } else if (name != nullptr && *name == "labels_or_regions") {
      given = true;
      const auto* const list = std::get_if<PythonValue::List>(&value.data);
      step.list = list != nullptr;
      if (list == nullptr)
        step.of = {label_or_region(value, file)};
      else
        for (const PythonValue& item : list->items) step.of.push_back(label_or_region(item, file));
    } else {
      throw Error(file, fmt::format("the argument {} is not known", name == nullptr ? "of another kind" : *name),
                  kRemedy);
    }
  }
  if (!given) throw Error(file, "labels_or_regions is missing", kRemedy);
  return step;
}

PythonValue python_value(const LabelOrRegion& label) {
  if (!label.region) return label.values.at(0);
  PythonValue::Tuple tuple;
  for (const int value : label.values) tuple.items.emplace_back(value);
  return tuple;
}

Json json_value(const LabelOrRegion& label) {
  return label.region ? Json(label.values) : Json(label.values.at(0));
}

}  // namespace

std::vector<KeepLargest> read_postprocessing(const std::filesystem::path& pickle) {
  const std::string file = pickle.string();
  const PythonValue content = read_python_pickle(pickle);
  const auto* const pair = content.items();
  const auto* const functions = pair != nullptr && pair->size() == 2 ? (*pair)[0].items() : nullptr;
  const auto* const arguments = functions != nullptr ? (*pair)[1].items() : nullptr;
  if (functions == nullptr || arguments == nullptr || functions->size() != arguments->size())
    throw Error(file, "is not the pair of lists that nnU-Net v2 writes", kRemedy);
  std::vector<KeepLargest> steps;
  for (std::size_t i = 0; i < functions->size(); ++i) {
    const auto* const function = std::get_if<PythonValue::Global>(&(*functions)[i].data);
    if (function == nullptr || function->name != fmt::format("{}.{}", kModule, kFunction))
      throw Error(file,
                  fmt::format("names {}, which is not known and not run",
                              function == nullptr ? "no function" : "the function " + function->name),
                  kRemedy);
    steps.push_back(read_step((*arguments)[i], file));
  }
  return steps;
}

void write_postprocessing(const std::filesystem::path& pickle, const std::vector<KeepLargest>& steps) {
  PythonValue::List functions, arguments;
  for (const KeepLargest& step : steps) {
    functions.items.emplace_back(PythonValue::Global{fmt::format("{}.{}", kModule, kFunction)});
    PythonValue labels;
    if (step.list) {
      PythonValue::List list;
      for (const LabelOrRegion& each : step.of) list.items.push_back(python_value(each));
      labels = list;
    } else {
      labels = python_value(step.of.at(0));
    }
    arguments.items.emplace_back(PythonValue::Dict{{{"labels_or_regions", labels}}});
  }
  write_text(pickle, python_pickle(PythonValue::Tuple{{functions, arguments}}));
}

Json postprocessing_json(const std::vector<KeepLargest>& steps) {
  Json functions = Json::array(), arguments = Json::array();
  for (const KeepLargest& step : steps) {
    functions.push_back(kFunction);
    Json labels = Json::array();
    if (step.list)
      for (const LabelOrRegion& each : step.of) labels.push_back(json_value(each));
    else
      labels = json_value(step.of.at(0));
    arguments.push_back({{"labels_or_regions", labels}});
  }
  return {{"postprocessing_fns", functions}, {"postprocessing_kwargs", arguments}};
}

}  // namespace nnunet::v2
