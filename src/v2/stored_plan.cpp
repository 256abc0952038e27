// Which plans a store of preprocessed cases belongs to.
#include <fmt/format.h>

#include <map>

#include "nnunet/core/error.h"
#include "nnunet/io/output_record.h"
#include "nnunet/preprocess/class_locations.h"
#include "nnunet/v2/preprocess.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {

namespace fs = std::filesystem;
using nlohmann::json;

V2Files read_v2_files(const fs::path& preprocessed, const std::string& plans) {
  const fs::path plans_file = preprocessed / (plans + ".json"), dataset_file = preprocessed / "dataset.json";
  std::error_code failure;
  for (const fs::path& file : {plans_file, dataset_file})
    if (!fs::exists(file, failure)) throw Error(file.string(), "is not there", "plan first: nnUNetv2_plan_experiment");
  return {read_python_json(plans_file), read_python_json(dataset_file), plans_file.string(), dataset_file.string()};
}

fs::path store_folder(const fs::path& preprocessed, const V2Files& files, const std::string& configuration) {
  const json chosen = v2_configuration(files, configuration);
  const auto found = chosen.find("data_identifier");
  const std::string name = found != chosen.end() && found->is_string() ? found->get<std::string>() : "";
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
    throw Error(files.plans_name,
                fmt::format("\"data_identifier\" of {} is no name of a folder: \"{}\"", configuration, name),
                "correct it, or plan again");
  return preprocessed / name;
}

json store_settings(const V2Plan& plan) {
  ModelPlan model = plan.model;
  model.preprocess.logits = {};  // only predictions have some
  json settings = model_plan_to_json(model).at("preprocess");
  settings["reader"] = plan.description.reader;
  settings["places of"] = location_requests(plan.model.labels);
  return settings;
}

void require_made_by(const CaseStore& store, const V2Plan& plan) {
  const std::string what = first_difference(store.made_with(), store_settings(plan));
  if (!what.empty())
    throw Error(store.folder().string(), fmt::format("its cases were made by other plans: {}", what),
                "run nnUNetv2_preprocess again; a configuration that needs cases of its own needs a data_identifier of "
                "its own");
}

void require_own_stores(const fs::path& preprocessed, const V2Files& files,
                        const std::vector<std::string>& configurations) {
  struct Maker {
    std::string configuration;
    json settings;
  };
  std::map<fs::path, Maker> makers;
  for (const std::string& name : configurations) {
    const fs::path folder = store_folder(preprocessed, files, name);
    const json settings = store_settings(read_v2_plan(files, name));
    const auto [first, alone] = makers.try_emplace(folder, Maker{name, settings});
    if (alone) continue;
    const std::string what = first_difference(first->second.settings, settings);
    if (!what.empty())
      throw Error(files.plans_name,
                  fmt::format("{} and {} share the data_identifier {}, but need different cases: {}",
                              first->second.configuration, name, folder.filename().string(), what),
                  "give one of them a data_identifier of its own");
  }
}

}  // namespace nnunet::v2
