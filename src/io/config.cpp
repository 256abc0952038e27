#include "nnunet/io/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/io/json_reading.h"
#include "nnunet/io/modality.h"

namespace nnunet {

using nlohmann::json;

namespace {

constexpr const char* kRemedy = "correct it, or preprocess the data again";
constexpr std::int64_t kMaxSide = 1 << 20;

void read_patch(const JsonFields& reader, DataConfig& config) {
  config.patch_size = reader.wholes("patch_size", 1, kMaxSide);
  const std::size_t dim = config.patch_size.size();
  if (dim != 2 && dim != 3) reader.fail("patch_size", fmt::format("has {} entries, not 2 or 3", dim));
  if (std::accumulate(config.patch_size.begin(), config.patch_size.end(), 1.0, std::multiplies<>()) >
      static_cast<double>(limits::image_voxels))
    reader.fail("patch_size", fmt::format("has more than {} voxels", limits::image_voxels));
  config.spacings = reader.reals("spacings");
  const std::size_t n = config.spacings.size();
  if (n != 3 && n != dim) reader.fail("spacings", fmt::format("has {} entries, patch_size has {}", n, dim));
  for (const double spacing : config.spacings) {
    if (!(spacing > 0)) reader.fail("spacings", fmt::format("holds {} mm", spacing));
  }
}

CtStats read_ct(const json& object, const std::string& name) {
  const JsonFields reader(object, name, kRemedy, "ct.");
  const CtStats ct{reader.real("min"), reader.real("max"), reader.real("mean"), reader.real("std")};
  if (ct.min > ct.max) reader.fail("min", "is above ct.max");
  if (!(ct.std > 0)) reader.fail("std", fmt::format("is {}", ct.std));
  return ct;
}

std::vector<std::string> read_labels(const JsonFields& reader, int n_class) {
  std::vector<std::string> labels = reader.texts("labels");
  if (!labels.empty() && labels.size() != static_cast<std::size_t>(n_class)) {
    reader.fail("labels", fmt::format("has {} entries, n_class is {}", labels.size(), n_class));
  }
  return labels;
}

/// Names become file names.
void check_case_name(const JsonFields& reader, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    reader.fail("name", fmt::format("\"{}\" is not a file name", name));
  }
}

CaseInfo read_case(const json& object, const std::string& name, std::size_t index) {
  const JsonFields reader(object, name, kRemedy, fmt::format("cases[{}].", index));
  CaseInfo info;
  info.name = reader.text("name");
  check_case_name(reader, info.name);
  if (reader.has("spacing")) {
    const std::vector<double> spacing = reader.reals("spacing");
    if (spacing.size() != 3) reader.fail("spacing", "does not have 3 entries");
    if (*std::min_element(spacing.begin(), spacing.end()) <= 0) reader.fail("spacing", "is not positive");
    std::copy(spacing.begin(), spacing.end(), info.spacing.begin());
  }
  if (reader.has("shape")) {
    const std::vector<std::int64_t> shape = reader.wholes("shape", 1, std::int64_t{1} << 40);
    if (shape.size() != 3) reader.fail("shape", "does not have 3 entries");
    std::copy(shape.begin(), shape.end(), info.shape.begin());
  }
  if (reader.has("has_label")) info.has_label = reader.boolean("has_label");
  return info;
}

std::vector<CaseInfo> read_cases(const JsonFields& reader, const std::string& name) {
  std::vector<CaseInfo> cases;
  std::set<std::string> names;
  for (const json& item : reader.list("cases")) {
    cases.push_back(read_case(item, name, cases.size()));
    if (!names.insert(cases.back().name).second) {
      reader.fail("cases", fmt::format("has the case {} twice", cases.back().name));
    }
  }
  return cases;
}

json to_json(const CaseInfo& info) {
  json object{{"name", info.name}, {"has_label", info.has_label}};
  if (info.spacing != Spacing3{}) object["spacing"] = info.spacing;
  if (info.shape != Shape3{}) object["shape"] = info.shape;
  return object;
}

}  // namespace

const CaseInfo* DataConfig::find_case(const std::string& name) const {
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const CaseInfo& c) { return c.name == name; });
  return found == cases.end() ? nullptr : &*found;
}

DataConfig config_from_json(const json& object, const std::string& name) {
  const JsonFields reader(object, name, kRemedy);
  DataConfig config;
  read_patch(reader, config);
  // Classes are stored as bytes.
  config.n_class = static_cast<int>(reader.whole("n_class", 1, 256));
  config.in_channels = static_cast<int>(reader.whole("in_channels", 1, 1024));
  if (reader.has("ct")) config.ct = read_ct(reader.at("ct"), name);
  if (reader.has("modality")) {
    const std::string modality = reader.text("modality");
    warn_of_modality({modality}, name);
    config.modality = is_ct_name(modality) ? "CT" : "MRI";
  } else {
    config.modality = config.ct ? "CT" : "MRI";
  }
  if (reader.has("labels")) config.labels = read_labels(reader, config.n_class);
  if (reader.has("cases")) config.cases = read_cases(reader, name);
  if (reader.has("task")) config.task = reader.text("task");
  if (reader.has("options")) config.options = reader.text("options");
  if (json_nesting(config.options) > limits::json_depth) reader.fail("options", "is nested too deeply");  // JSON itself
  return config;
}

json config_to_json(const DataConfig& config) {
  json object{{"patch_size", config.patch_size},
              {"spacings", config.spacings},
              {"n_class", config.n_class},
              {"in_channels", config.in_channels},
              {"modality", config.modality}};
  if (!config.labels.empty()) object["labels"] = config.labels;
  if (config.ct) {
    object["ct"] = {
        {"min", config.ct->min}, {"max", config.ct->max}, {"mean", config.ct->mean}, {"std", config.ct->std}};
  }
  if (!config.cases.empty()) {
    for (const CaseInfo& info : config.cases) object["cases"].push_back(to_json(info));
  }
  if (!config.task.empty()) object["task"] = config.task;
  if (!config.options.empty()) object["options"] = config.options;
  return object;
}

DataConfig read_config(const std::filesystem::path& path) {
  return config_from_json(read_json(path), path.string());
}

std::string config_text(const DataConfig& config) {
  // Names that are not UTF-8 must not stop the writing.
  return config_to_json(config).dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

void write_config(const std::filesystem::path& path, const DataConfig& config) {
  write_text(path, config_text(config));
}

}  // namespace nnunet
