#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "commands.h"
#include "engine_commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "run_program.h"

// nnunet: the commands that need no libtorch, and the way to those that do.
namespace nnunet::app {
namespace {

bool is_engine_command(const std::string& name) {
  return std::ranges::any_of(kEngineCommands, [&](const EngineCommand& c) { return c.name == name; });
}

/// Becomes nnunet-engine, which lies beside this program. Returns only when that fails.
[[noreturn]] void become_engine(char** argv) {
  const std::filesystem::path engine = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "nnunet-engine";
  ::execv(engine.c_str(), argv);
  throw Error(engine.string(), std::string("cannot be started: ") + std::strerror(errno),
              "nnunet-engine belongs beside nnunet: build or install both");
}

void list_engine_command(CLI::App& program, std::string_view name, char** argv) {
  CLI::App* const command = add_engine_command(program, name);
  command->prefix_command();
  command->callback([argv] { become_engine(argv); });
}

}  // namespace
}  // namespace nnunet::app

int main(int argc, char** argv) {
  using namespace nnunet::app;
  try {
    if (argc > 1 && is_engine_command(argv[1])) become_engine(argv);
  } catch (const std::exception& e) {
    nnunet::log::error(e.what());
    return 1;
  }
  CLI::App program;
  describe_program(program);
  add_download(program);
  add_phantom(program);
  add_preprocess(program);
  list_engine_command(program, "train", argv);
  list_engine_command(program, "evaluate", argv);
  list_engine_command(program, "predict", argv);
  add_score(program);
  list_engine_command(program, "export", argv);
  list_engine_command(program, "serve", argv);
  add_client(program);
  list_engine_command(program, "info", argv);
  list_engine_command(program, "benchmark", argv);
  return run_program(program, argc, argv);
}
