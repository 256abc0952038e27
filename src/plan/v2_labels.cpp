#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "nnunet/io/json_reading.h"
#include "v2_parts.h"

namespace nnunet {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char *kIgnore = "ignore", *kBackground = "background";
constexpr int kMostLabel = 65535;

/// Old conversions wrote numbers as text.
int label_value(const JsonFields& labels, const std::string& name, const ordered_json& value) {
  int number = -1;
  if (value.is_number()) {
    const double real = value.get<double>();
    if (real >= 0 && real <= kMostLabel && real == static_cast<int>(real)) number = static_cast<int>(real);
  } else if (value.is_string()) {
    const auto text = value.get<std::string>();
    const auto end = text.data() + text.size();
    if (const auto parsed = std::from_chars(text.data(), end, number); parsed.ec != std::errc() || parsed.ptr != end)
      number = -1;
  }
  if (number < 0 || number > kMostLabel)
    labels.fail(name, fmt::format("holds {}, labels are whole numbers from 0 to {}", quoted(json(value)), kMostLabel));
  return number;
}

LabelEntry label_entry(const JsonFields& labels, const std::string& name, const ordered_json& value) {
  LabelEntry entry{name, {}};
  if (!value.is_array())
    entry.values.push_back(label_value(labels, name, value));
  else
    for (const ordered_json& item : value) entry.values.push_back(label_value(labels, name, item));
  if (entry.values.empty()) labels.fail(name, "holds no label");
  return entry;
}

void read_region_order(const JsonFields& dataset, LabelSpec& spec) {
  if (!dataset.has("regions_class_order"))
    dataset.fail("regions_class_order", "is missing: which label each region leaves in the label map");
  for (const std::int64_t value : dataset.wholes("regions_class_order", 0, kMostLabel))
    spec.region_values.push_back(static_cast<int>(value));
  if (const std::size_t regions = spec.regions().size(); spec.region_values.size() != regions)
    dataset.fail("regions_class_order",
                 fmt::format("has {} entries for {} regions", spec.region_values.size(), regions));
}

/// A label is the number of its head.
void require_consecutive(const JsonFields& dataset, const LabelSpec& spec) {
  std::set<int> values;
  for (const LabelEntry& entry : spec.entries) values.insert(entry.values.begin(), entry.values.end());
  int before = -1;
  for (const int value : values) {
    if (value != before + 1) dataset.fail("labels", fmt::format("are not consecutive: {} follows {}", value, before));
    before = value;
  }
}

}  // namespace

LabelSpec v2_labels(const V2Files& files) {
  const json sorted = files.dataset;
  const JsonFields dataset(sorted, files.dataset_name, v2_parts::kRemedy);
  const JsonFields labels = dataset.object("labels");
  if (!labels.has(kBackground)) labels.fail(kBackground, "is missing: it must be there and be 0");
  LabelSpec spec;
  spec.type = LabelType::uint8_or_uint16;
  for (const auto& [name, value] : files.dataset.at("labels").items()) {
    if (name == kIgnore) {
      if (value.is_array()) labels.fail(kIgnore, "is a list, it must be one number");
      if (!value.is_null()) spec.ignore = label_value(labels, name, value);
      continue;
    }
    spec.entries.push_back(label_entry(labels, name, value));
    if (name == kBackground && (value.is_array() || spec.entries.back().values.front() != 0))
      labels.fail(kBackground, fmt::format("is {}, it must be 0", quoted(json(value))));
    if (spec.entries.back().values.size() > 1) spec.decision = LabelDecision::sigmoid;
  }
  if (spec.decision == LabelDecision::sigmoid)
    read_region_order(dataset, spec);
  else
    require_consecutive(dataset, spec);
  check_label_spec(spec, files.dataset_name);
  return spec;
}

}  // namespace nnunet
