#include <CLI/CLI.hpp>

#include "commands.h"
#include "nnunet/torch_bridge/tensor_memory.h"
#include "nnunet/torch_engine/torch_engine.h"
#include "nnunet/torch_engine/torchscript.h"
#include "run_program.h"
#include "torch_door.h"
#include "v2/program.h"

// nnunet-engine: all commands, with libtorch. Users call nnunet, which turns into this program where it needs it.
namespace nnunet::app {

const EngineBackend* engines_here() {
  return &other_engines();
}

TorchScriptWriter torchscript_here() {
  return to_torchscript;
}

bool has_engine_program() {
  return true;
}

void go_where_torch_is(const std::string&) {}
void go_where_network_runs(const std::string&, int) {}

}  // namespace nnunet::app

int main(int argc, char** argv) {
  using namespace nnunet::app;
  nnunet::keep_tensor_memory();
  if (const auto call = v2_call(argc, argv)) return run_v2(*call);
  CLI::App program;
  describe_program(program);
  add_auto(program);
  add_train(program);
  add_evaluate(program);
  add_predict(program);
  add_export(program);
  add_serve(program);
  add_dicom_node(program);
  add_info(program);
  add_benchmark(program);
  return run_program(program, argc, argv);
}
