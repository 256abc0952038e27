#include "nnunet/plan/label_names.h"

#include <algorithm>
#include <map>

namespace nnunet {

namespace {

bool overlap(const LabelEntry& a, const LabelEntry& b) {
  return std::ranges::any_of(a.values, [&](int value) { return std::ranges::find(b.values, value) != b.values.end(); });
}

bool lies_within(const LabelEntry& inner, const LabelEntry& outer) {
  return std::ranges::all_of(inner.values,
                             [&](int value) { return std::ranges::find(outer.values, value) != outer.values.end(); });
}

/// Region i without those that overwrite a part of it; of nested ones the outermost says it.
std::string name_of_rest(const std::vector<LabelEntry>& regions, const std::vector<int>& left, std::size_t i) {
  std::vector<const LabelEntry*> over;
  for (std::size_t j = i + 1; j < regions.size(); ++j)
    if (left[j] != left[i] && overlap(regions[i], regions[j])) over.push_back(&regions[j]);
  std::string name = regions[i].name;
  const char* word = " without ";
  for (const LabelEntry* entry : over) {
    const bool within = std::ranges::any_of(over, [&](const LabelEntry* other) {
      return other != entry && lies_within(*entry, *other) && !(lies_within(*other, *entry) && entry < other);
    });
    if (name.empty() || within || entry->name.empty()) continue;
    name += word + entry->name;
    word = " and ";
  }
  return name;
}

}  // namespace

std::vector<NamedValue> named_values(const LabelSpec& spec) {
  std::map<int, std::string> names;
  const auto add = [&](int value, const std::string& name) {
    if (value == 0) return;
    std::string& all = names[value];
    if (!name.empty() && all != name) all += (all.empty() ? "" : " or ") + name;
  };
  const std::vector<LabelEntry> regions = spec.regions();
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (spec.decision == LabelDecision::sigmoid)
      add(spec.region_values[i], name_of_rest(regions, spec.region_values, i));
    else
      add(regions[i].values.front(), regions[i].name);
  }
  std::vector<NamedValue> values;
  for (auto& [value, name] : names) values.push_back({value, std::move(name)});
  return values;
}

}  // namespace nnunet
