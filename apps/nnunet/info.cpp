// nnunet info: what a file or folder holds, and what this machine is.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "commands.h"
#include "describe_machine.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/describe.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

using Json = nlohmann::ordered_json;

/// A checkpoint may hold text in any encoding.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

struct Flags {
  std::vector<std::filesystem::path> paths;
  bool json = false, tensors = false, machine = false;
};

void run(const Flags& flags) {
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
  CLI::App* command = program.add_subcommand(
      "info", "Say what a checkpoint, a preprocessed folder, a dataset folder, a NIfTI image or a .npy file holds");
  command->footer("Sizes and spacings are in the order (z, y, x), in mm.");
  auto flags = std::make_shared<Flags>();
  CLI::Option* const paths = command->add_option("path", flags->paths, "Files or folders");
  command->add_flag("--machine", flags->machine,
                    "Describe this machine: processor, instruction sets and the one chosen (NNUNET_ISA lowers it), "
                    "cores, memory, GPUs, engines, versions");
  command->add_flag("--json", flags->json, "Print JSON (a list when several paths are given)");
  command->add_flag("--tensors", flags->tensors, "List every tensor of a checkpoint");
  command->callback([flags, paths] {
    if (paths->empty() && !flags->machine) throw CLI::RequiredError("path or --machine");
    run(*flags);
  });
}

}  // namespace nnunet::app
