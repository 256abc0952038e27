#include "describe_machine.h"

#include <unistd.h>

#include "nnunet/core/cpu.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/version.h"
#include "nnunet/infer/engine.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t physical_memory() {
  return std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
}

Json instruction_sets() {
  Json names = Json::array();
  for (int i = 0; i <= static_cast<int>(processor_isa()); ++i) names.push_back(isa_name(static_cast<Isa>(i)));
  return names;
}

}  // namespace

Json describe_machine() {
  Json json;
  json["kind"] = "machine";
  json["processor"] = processor_name();
  json["instruction_sets"] = instruction_sets();
  json["chosen"] = isa_name(chosen_isa());
  json["cores"] = available_cores();
  json["memory"] = format_bytes(physical_memory());
  json["available_memory"] = format_bytes(available_memory());
  json["gpus"] = engines_here() == nullptr ? 0 : engines_here()->gpus;
  json["version"] = program_version();
  Json engines = Json::object();
  for (const auto& [name, version] : engine_versions(engines_here())) engines[name] = version;
  json["engines"] = engines;
  json["compiler"] = __VERSION__;
  return json;
}

}  // namespace nnunet::app
