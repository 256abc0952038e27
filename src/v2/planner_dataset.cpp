#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/v2/dataset_labels.h"
#include "planner_parts.h"

namespace nnunet::v2 {
namespace {

constexpr const char *kDatasetRemedy = "see nnU-Net's description of dataset.json",
                     *kFingerprintRemedy = "make it anew: nnUNetv2_extract_fingerprint --clean";

const Json& entry(const Json& object, const char* key, const std::string& file, const char* remedy) {
  if (!object.is_object() || !object.contains(key)) throw Error(file, fmt::format("\"{}\" is missing", key), remedy);
  return object[key];
}

/// Three numbers above 0.
template <class T>
std::array<T, 3> triple(const Json& list, const char* key, const std::string& file) {
  const auto positive = [](const Json& n) {
    return (std::is_integral_v<T> ? n.is_number_integer() : n.is_number()) && n.get<double>() > 0;
  };
  if (!list.is_array() || list.size() != 3 || !std::ranges::all_of(list, positive))
    throw Error(file, fmt::format("\"{}\" holds {}, not three numbers above 0", key, list.dump()), kFingerprintRemedy);
  return {list[0].get<T>(), list[1].get<T>(), list[2].get<T>()};
}

template <class T>
std::vector<std::array<T, 3>> triples(const PlannerInput& input, const char* key) {
  const Json& list = entry(input.fingerprint, key, input.fingerprint_file, kFingerprintRemedy);
  if (!list.is_array() || list.empty())
    throw Error(input.fingerprint_file, fmt::format("\"{}\" holds no case", key), kFingerprintRemedy);
  std::vector<std::array<T, 3>> all;
  for (const Json& item : list) all.push_back(triple<T>(item, key, input.fingerprint_file));
  return all;
}

/// Planners give the names' normalisations to the channels in the order of the file, whatever the keys say.
std::vector<std::string> channel_names(const PlannerInput& input) {
  const char* const key = input.dataset.contains("channel_names") ? "channel_names" : "modality";
  const Json& channels = entry(input.dataset, key, input.dataset_file, kDatasetRemedy);
  if (!channels.is_object() || channels.empty())
    throw Error(input.dataset_file, fmt::format(R"("{}" is no object like {{"0": "CT"}})", key), kDatasetRemedy);
  std::vector<std::string> names;
  bool in_order = true;
  for (const auto& [number, name] : channels.items()) {
    if (!name.is_string())
      throw Error(input.dataset_file,
                  fmt::format("the channel {} has the name {}, which is no text", number, name.dump()), kDatasetRemedy);
    in_order = in_order && number == std::to_string(names.size());
    names.push_back(name.get<std::string>());
  }
  if (!in_order)
    log::warn(
        fmt::format("{}: the keys of \"{}\" are not 0, 1, .. in this order. nnU-Net normalises the channels in "
                    "the order of the file, and so do these plans",
                    input.dataset_file, key));
  return names;
}

double number_above_0(const Json& value, const char* key, const std::string& file, const char* remedy) {
  if (!value.is_number() || !(value.get<double>() > 0))
    throw Error(file, fmt::format("\"{}\" is {}, no number above 0", key, value.dump()), remedy);
  return value.get<double>();
}

}  // namespace

PlannedDataset planned_dataset(const PlannerInput& input) {
  PlannedDataset found;
  found.spacings = triples<double>(input, "spacings");
  found.shapes = triples<std::int64_t>(input, "shapes_after_crop");
  if (found.spacings.size() != found.shapes.size())
    throw Error(input.fingerprint_file,
                fmt::format("it has {} spacings and {} shapes", found.spacings.size(), found.shapes.size()),
                kFingerprintRemedy);
  constexpr const char *size_key = "median_relative_size_after_cropping",
                       *intensity_key = "foreground_intensity_properties_per_channel", *cases_key = "numTraining";
  found.relative_size = number_above_0(entry(input.fingerprint, size_key, input.fingerprint_file, kFingerprintRemedy),
                                       size_key, input.fingerprint_file, kFingerprintRemedy);
  found.intensities = entry(input.fingerprint, intensity_key, input.fingerprint_file, kFingerprintRemedy);
  found.channels = channel_names(input);
  (void)dataset_labels(input.dataset, input.dataset_file);  // says what is wrong with them
  found.labels = static_cast<std::int64_t>(input.dataset["labels"].size());
  found.cases = number_above_0(entry(input.dataset, cases_key, input.dataset_file, kDatasetRemedy), cases_key,
                               input.dataset_file, kDatasetRemedy);
  if (found.cases != static_cast<double>(found.spacings.size()))
    log::warn(
        fmt::format("{}: \"{}\" is {}, but the fingerprint was made of {} cases. nnU-Net chooses the batch size by "
                    "the number in the file, and so do these plans",
                    input.dataset_file, cases_key, found.cases, found.spacings.size()));
  return found;
}

std::string normalization_of_channel(const std::string& name) {
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower == "ct") return "CTNormalization";
  if (lower == "nonorm") return "NoNormalization";
  if (lower == "rescale_to_0_1") return "RescaleTo01Normalization";
  if (lower == "rgb_to_0_1") return "RGBTo01Normalization";
  return "ZScoreNormalization";
}

}  // namespace nnunet::v2
