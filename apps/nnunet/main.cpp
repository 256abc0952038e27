#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>

#include "commands.h"
#include "engine_commands.h"
#include "nnunet/core/log.h"
#include "options/all_commands.h"
#include "options/parser.h"
#include "run_program.h"
#include "torch_door.h"
#include "v2/program.h"

// nnunet: the commands that need no libtorch, and the way to those that do.
namespace nnunet::app {
namespace {

bool is_engine_command(std::string_view name) {
  return std::ranges::find(kEngineCommands, name) != kEngineCommands.end();
}

/// Help needs no engine: this program has the blocks of all commands.
bool asks_for_help(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view word) { return word == "--help" || word == "-h"; });
}

void add_all(CLI::App& program, const std::vector<Command>& commands) {
  const std::map<std::string, void (*)(CLI::App&)> own{{"download", add_download},     {"phantom", add_phantom},
                                                       {"preprocess", add_preprocess}, {"score", add_score},
                                                       {"client", add_client},         {"evaluate", add_evaluate},
                                                       {"predict", add_predict},       {"export", add_export},
                                                       {"serve", add_serve},           {"info", add_info},
                                                       {"dicom", add_dicom},           {"dicom-seg", add_dicom_seg},
                                                       {"dicom-node", add_dicom_node}};
  for (const Command& command : commands) {
    if (const auto found = own.find(command.name); found != own.end())
      found->second(program);
    else
      add_to(program, command, [name = command.name] { go_where_torch_is(name); });
  }
}

}  // namespace
}  // namespace nnunet::app

int main(int argc, char** argv) {
  using namespace nnunet::app;
  if (const auto call = v2_call(argc, argv)) return run_v2(*call);
  try {
    if (argc > 1 && is_engine_command(argv[1]) && !asks_for_help(argc, argv)) go_where_torch_is(argv[1]);
  } catch (const std::exception& e) {
    nnunet::log::error(e.what());
    return 1;
  }
  CLI::App program;
  describe_program(program);
  const std::vector<Command> commands = all_commands();
  add_all(program, commands);
  program.add_subcommand("v2", "nnU-Net v2's commands, nnUNetv2_predict and the others: see nnunet v2 --help");
  return run_program(program, argc, argv);
}
