#include "nnunet/v2/dataset_labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "nnunet/core/error.h"

namespace nnunet::v2 {
namespace {

constexpr int kMostLabels = 65535;  // label maps are uint16
constexpr const char* kRemedy = "see nnU-Net's description of dataset.json";

int label_value(const Json& value, const std::string& name, const std::string& file) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > kMostLabels)
    throw Error(file,
                fmt::format("the label \"{}\" is {}, no whole number from 0 to {}", name, value.dump(), kMostLabels),
                kRemedy);
  return value.get<int>();
}

LabelOrRegion label_entry(const Json& value, const std::string& name, const std::string& file) {
  if (!value.is_array()) return {{label_value(value, name, file)}, false};
  LabelOrRegion region{{}, true};
  for (const Json& item : value) region.values.push_back(label_value(item, name, file));
  if (region.values.empty()) throw Error(file, fmt::format("the region \"{}\" is empty", name), kRemedy);
  return region;
}

void add_regions(const std::vector<LabelOrRegion>& entries, const Json& dataset, const std::string& file,
                 DatasetLabels& labels) {
  for (const LabelOrRegion& entry : entries)
    if (std::ranges::any_of(entry.values, [](int value) { return value != 0; })) labels.foreground.push_back(entry);
  if (!dataset.contains("regions_class_order") || !dataset["regions_class_order"].is_array())
    throw Error(file, "\"regions_class_order\" is missing, which regions need", kRemedy);
  for (const Json& value : dataset["regions_class_order"])
    labels.region_values.push_back(label_value(value, "regions_class_order", file));
  if (labels.region_values.size() != labels.foreground.size())
    throw Error(file,
                fmt::format("\"regions_class_order\" has {} values for {} regions", labels.region_values.size(),
                            labels.foreground.size()),
                kRemedy);
}

}  // namespace

std::string LabelOrRegion::key() const {
  if (!region) return std::to_string(values.at(0));
  return fmt::format("({}{})", fmt::join(values, ", "), values.size() == 1 ? "," : "");
}

DatasetLabels dataset_labels(const Json& dataset, const std::string& file) {
  if (!dataset.is_object() || !dataset.contains("labels") || !dataset["labels"].is_object())
    throw Error(file, "\"labels\" is missing", kRemedy);
  if (!dataset.contains("file_ending") || !dataset["file_ending"].is_string())
    throw Error(file, "\"file_ending\" is missing", kRemedy);
  DatasetLabels labels;
  labels.file_ending = dataset["file_ending"].get<std::string>();
  if (!dataset["labels"].contains("background"))
    throw Error(file, "the label \"background\" is missing", "it has to be 0");
  if (label_value(dataset["labels"]["background"], "background", file) != 0)
    throw Error(file, "the label \"background\" is not 0", kRemedy);
  std::vector<LabelOrRegion> entries;
  std::set<int> all;
  for (const auto& [name, value] : dataset["labels"].items()) {
    if (name == "ignore") {
      labels.ignore = label_value(value, name, file);
      continue;
    }
    entries.push_back(label_entry(value, name, file));
    all.insert(entries.back().values.begin(), entries.back().values.end());
    labels.has_regions = labels.has_regions || entries.back().values.size() > 1;
  }
  labels.all_labels.assign(all.begin(), all.end());
  if (labels.ignore && *labels.ignore != labels.all_labels.back() + 1)
    throw Error(file,
                fmt::format("the ignore label is {}, but has to follow the largest label, {}", *labels.ignore,
                            labels.all_labels.back()),
                kRemedy);
  std::ranges::copy_if(all, std::back_inserter(labels.foreground_labels), [](int value) { return value != 0; });
  if (labels.has_regions)
    add_regions(entries, dataset, file, labels);
  else
    for (const int value : labels.foreground_labels) labels.foreground.push_back({{value}, false});
  if (labels.foreground.empty()) throw Error(file, "there is no label but the background", kRemedy);
  return labels;
}

DatasetLabels read_dataset_labels(const std::filesystem::path& dataset_json) {
  return dataset_labels(read_python_json(dataset_json), dataset_json.string());
}

}  // namespace nnunet::v2
