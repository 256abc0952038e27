#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "commands.h"
#include "engine_commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "options/all_commands.h"
#include "options/parser.h"
#include "run_program.h"

// nnunet: the commands that need no libtorch, and the way to those that do.
namespace nnunet::app {
namespace {

bool is_engine_command(std::string_view name) {
  return std::ranges::find(kEngineCommands, name) != kEngineCommands.end();
}

/// Becomes nnunet-engine, which lies beside this program. Returns only when that fails.
[[noreturn]] void become_engine(char** argv) {
  const std::filesystem::path engine = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "nnunet-engine";
  ::execv(engine.c_str(), argv);
  throw Error(engine.string(), std::string("cannot be started: ") + std::strerror(errno),
              "nnunet-engine belongs beside nnunet: build or install both");
}

/// Help needs no engine: this program has the blocks of all commands.
bool asks_for_help(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view word) { return word == "--help" || word == "-h"; });
}

void add_all(CLI::App& program, const std::vector<Command>& commands, char** argv) {
  const std::map<std::string, void (*)(CLI::App&)> own{{"download", add_download},
                                                       {"phantom", add_phantom},
                                                       {"preprocess", add_preprocess},
                                                       {"score", add_score},
                                                       {"client", add_client}};
  for (const Command& command : commands) {
    if (const auto found = own.find(command.name); found != own.end())
      found->second(program);
    else
      add_to(program, command)->callback([argv] { become_engine(argv); });
  }
}

}  // namespace
}  // namespace nnunet::app

int main(int argc, char** argv) {
  using namespace nnunet::app;
  try {
    if (argc > 1 && is_engine_command(argv[1]) && !asks_for_help(argc, argv)) become_engine(argv);
  } catch (const std::exception& e) {
    nnunet::log::error(e.what());
    return 1;
  }
  CLI::App program;
  describe_program(program);
  const std::vector<Command> commands = all_commands();
  add_all(program, commands, argv);
  return run_program(program, argc, argv);
}
