#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/io/json_reading.h"
#include "v2_parts.h"

namespace nnunet {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view kNotFinite[] = {"NaN", "Infinity", "-Infinity"};

/// Words that Python writes where JSON has none become null; texts stay as they are.
std::string without_not_finite(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      const bool escaped = text[i] == '\\' && i + 1 < text.size();
      if (escaped) plain += text[i++];
      in_string = escaped || text[i] != '"';
    } else if (text[i] == '"') {
      in_string = true;
    } else if (const auto word =
                   std::ranges::find_if(kNotFinite, [&](auto w) { return text.substr(i).starts_with(w); });
               word != std::end(kNotFinite)) {
      plain += "null";
      i += word->size() - 1;
      continue;
    }
    plain += text[i];
  }
  return plain;
}

const ordered_json& configurations(const V2Files& files) {
  const auto found = files.plans.find("configurations");
  if (!files.plans.is_object() || found == files.plans.end() || !found->is_object())
    throw Error(files.plans_name, "it holds no \"configurations\": these are no plans of nnU-Net v2",
                v2_parts::kRemedy);
  return *found;
}

/// A child's entries replace the parent's, each as a whole.
json with_inherited(const V2Files& files, const std::string& name, std::vector<std::string> visited) {
  const ordered_json& all = configurations(files);
  const auto found = all.find(name);
  if (found == all.end())
    throw Error(files.plans_name,
                fmt::format("there is no configuration \"{}\"{}, but {}", name,
                            visited.empty() ? "" : fmt::format(", from which \"{}\" inherits", visited.back()),
                            fmt::join(v2_configurations(files), ", ")),
                "choose one of these, or correct the file");
  if (!found->is_object())
    throw Error(files.plans_name, fmt::format("the configuration \"{}\" is not a JSON object", name),
                v2_parts::kRemedy);
  if (std::ranges::find(visited, name) != visited.end())
    throw Error(files.plans_name,
                fmt::format("the configurations {} inherit from each other in a circle", fmt::join(visited, ", ")),
                "correct \"inherits_from\"");
  const json own = *found;
  const JsonFields fields(own, files.plans_name, v2_parts::kRemedy, fmt::format("configurations.{}.", name));
  if (!fields.has("inherits_from")) return own;
  visited.push_back(name);
  json whole = with_inherited(files, fields.text("inherits_from"), std::move(visited));
  whole.update(own);
  return whole;
}

}  // namespace

ordered_json parse_v2_json(std::string_view text, const std::string& name) {
  const std::string plain = without_not_finite(text);
  (void)parse_json(plain, name);  // says where it is broken
  return ordered_json::parse(plain);
}

std::vector<std::string> v2_configurations(const V2Files& files) {
  std::vector<std::string> names;
  for (const auto& [name, value] : configurations(files).items()) names.push_back(name);
  return names;
}

json v2_configuration(const V2Files& files, const std::string& name) {
  json whole = with_inherited(files, name, {});
  const JsonFields fields(whole, files.plans_name, v2_parts::kRemedy, fmt::format("configurations.{}.", name));
  if (!fields.has("architecture")) whole["architecture"] = v2_parts::old_architecture(fields);
  return whole;
}

}  // namespace nnunet
