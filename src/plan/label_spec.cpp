#include "nnunet/plan/label_spec.h"

#include <algorithm>
#include <set>

#include "field_check.h"

namespace nnunet {

namespace {

constexpr int kMostValue = 65535;  // what a label map's voxels can hold

bool is_background(const LabelEntry& entry) {
  return std::ranges::all_of(entry.values, [](int value) { return value == 0; });
}

std::set<int> all_values(const LabelSpec& spec) {
  std::set<int> values;
  for (const LabelEntry& entry : spec.entries) values.insert(entry.values.begin(), entry.values.end());
  return values;
}

void check_entries(const LabelSpec& spec, const FieldCheck& check) {
  check.require(!spec.entries.empty(), "entries", "is empty");
  for (std::size_t i = 0; i < spec.entries.size(); ++i) {
    const std::string field = fmt::format("entries[{}].values", i);
    check.require(!spec.entries[i].values.empty(), field, "is empty");
    for (const int value : spec.entries[i].values) check.within(value, 0, kMostValue, field);
  }
  check.require(std::ranges::any_of(spec.entries, is_background), "entries", "lacks the background, 0");
}

/// A head is a label: its number is the label's value.
void check_argmax(const LabelSpec& spec, const FieldCheck& check) {
  for (std::size_t i = 0; i < spec.entries.size(); ++i)
    check.require(spec.entries[i].values.size() == 1, fmt::format("entries[{}].values", i),
                  "holds several labels: regions belong to the decision \"sigmoid\"");
  const std::set<int> values = all_values(spec);
  check.require(*values.rbegin() + 1 == static_cast<int>(values.size()), "entries",
                fmt::format("has gaps: {} labels up to {}", values.size(), *values.rbegin()));
  check.require(spec.region_values.empty(), "region_values", "belongs to the decision \"sigmoid\"");
}

void check_sigmoid(const LabelSpec& spec, const FieldCheck& check) {
  const std::size_t regions = spec.regions().size();
  check.require(regions > 0, "entries", "has no region");
  check.require(spec.region_values.size() == regions, "region_values",
                fmt::format("has {} entries for {} regions", spec.region_values.size(), regions));
  for (const int value : spec.region_values) check.within(value, 0, kMostValue, "region_values");
}

}  // namespace

std::vector<LabelEntry> LabelSpec::regions() const {
  std::vector<LabelEntry> found;
  std::ranges::remove_copy_if(entries, std::back_inserter(found), is_background);
  return found;
}

int LabelSpec::heads() const {
  return static_cast<int>(decision == LabelDecision::argmax ? all_values(*this).size() : regions().size());
}

int LabelSpec::foreground_labels() const {
  return static_cast<int>(all_values(*this).size()) - 1;
}

void check_label_spec(const LabelSpec& spec, const std::string& name) {
  const FieldCheck check(name, "labels.");
  check_entries(spec, check);
  if (spec.decision == LabelDecision::argmax)
    check_argmax(spec, check);
  else
    check_sigmoid(spec, check);
  const int largest = *all_values(spec).rbegin();
  if (spec.ignore)
    check.require(*spec.ignore == largest + 1, "ignore",
                  fmt::format("is {}, it must be the largest label + 1, {}", *spec.ignore, largest + 1));
  if (spec.type == LabelType::uint8)
    check.require(largest <= 255, "type", fmt::format("is \"uint8\", but there is a label {}", largest));
}

}  // namespace nnunet
