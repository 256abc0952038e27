#include "commands.h"
#include "nnunet/infer/tensor_memory.h"
#include "run_program.h"

// nnunet-engine: the commands that need libtorch. Users call nnunet, which turns into this program for them.
int main(int argc, char** argv) {
  nnunet::keep_tensor_memory();
  CLI::App program;
  using namespace nnunet::app;
  describe_program(program);
  add_train(program);
  add_evaluate(program);
  add_predict(program);
  add_export(program);
  add_serve(program);
  add_info(program);
  add_benchmark(program);
  return run_program(program, argc, argv);
}
