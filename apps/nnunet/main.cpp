#include <exception>
#include <string>

#include "commands.h"
#include "engine_commands.h"
#include "nnunet/core/log.h"
#include "run_program.h"
#include "torch_door.h"

// nnunet: the commands that need no libtorch, and the way to those that do.
namespace nnunet::app {
namespace {

void list_engine_command(CLI::App& program, std::string_view name) {
  CLI::App* const command = add_engine_command(program, name);
  command->prefix_command();
  command->callback([name = std::string(name)] { go_where_torch_is(name); });
}

}  // namespace
}  // namespace nnunet::app

int main(int argc, char** argv) {
  using namespace nnunet::app;
  try {
    if (argc > 1 && is_engine_command(argv[1])) go_where_torch_is(argv[1]);
  } catch (const std::exception& e) {
    nnunet::log::error(e.what());
    return 1;
  }
  CLI::App program;
  describe_program(program);
  add_download(program);
  add_phantom(program);
  add_preprocess(program);
  list_engine_command(program, "train");
  add_evaluate(program);
  add_predict(program);
  add_score(program);
  add_export(program);
  add_serve(program);
  add_client(program);
  add_info(program);
  list_engine_command(program, "benchmark");
  return run_program(program, argc, argv);
}
