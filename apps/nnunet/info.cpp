// nnunet info: what a file or folder holds, and what this machine is.
#include "options/info.h"

#include <fmt/format.h>

#include <cstdio>

#include "commands.h"
#include "describe_machine.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/describe.h"
#include "options/parser.h"
#include "run_program.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

using Json = nlohmann::ordered_json;

/// A checkpoint may hold text in any encoding.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void run(const InfoFlags& flags) {
  if (flags.paths.empty() && !flags.machine) end_for_missing("path or --machine");
  Json all = Json::array();
  std::size_t problems = 0;
  if (flags.machine) {
    if (has_engine_program()) go_where_torch_is("--machine");
    all.push_back(describe_machine());
    if (!flags.json) std::fputs(description_text(all.back()).c_str(), stdout);
  }
  for (const auto& path : flags.paths) {
    all.push_back(describe(path, flags.tensors));
    problems += all.back().contains("problems") ? all.back()["problems"].size() : 0;
    if (!flags.json) std::fputs((description_text(all.back()) + (flags.paths.size() > 1 ? "\n" : "")).c_str(), stdout);
  }
  if (flags.json) std::puts(dump(all.size() == 1 ? all[0] : all, 2).c_str());
  std::fflush(stdout);
  if (problems > 0) throw Error("info", fmt::format("{} files could not be read", problems), "see \"problems\" above");
}

}  // namespace

void add_info(CLI::App& program) {
  add_command<InfoFlags>(program, info_command, run);
}

}  // namespace nnunet::app
