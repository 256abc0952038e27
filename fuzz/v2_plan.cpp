// nnU-Net v2's plans.json, a zero byte, dataset.json: every configuration that is read is a plan like any other.
#include <nlohmann/json.hpp>
#include <string_view>

#include "nnunet/core/error.h"
#include "nnunet/plan/v2_plan.h"
#include "scratch_file.h"

using namespace nnunet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\0'), all.size());
  V2Files files;
  std::vector<std::string> configurations;
  try {
    files.plans = parse_v2_json(all.substr(0, end), "plans.json");
    files.dataset = parse_v2_json(all.substr(std::min(end + 1, all.size())), "dataset.json");
    configurations = v2_configurations(files);
  } catch (const Error&) {
    return 0;
  }
  for (const std::string& name : configurations) {
    ModelPlan plan;
    try {
      plan = read_v2_plan(files, name, {"nnUNetTrainer", {0, 1}}).model;
    } catch (const Error&) {
      continue;
    }
    fuzz::require(model_plan_from_json(model_plan_to_json(plan), "again") == plan);
  }
  return 0;
}
