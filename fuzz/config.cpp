// config.json and the plan in it: what is read is written and read back the same.
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "nnunet/plan/reference_plan.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file;
  file.write(fuzz::as_bytes(data, size));
  PlannedConfig planned;
  try {
    planned = read_planned_config(file.path());
  } catch (const Error&) {
    return 0;
  }
  const std::string text = config_text(planned.config);
  fuzz::require(config_text(config_from_json(nlohmann::json::parse(text), "again")) == text);
  const nlohmann::json whole = nlohmann::json::parse(planned_config_text(planned.config));
  fuzz::require(model_plan_from_json(whole.at("plan"), "again") == reference_plan(config_from_json(whole, "again")));
  return 0;
}
