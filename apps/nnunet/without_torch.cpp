#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "nnunet/core/error.h"
#include "run_program.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

fs::path engine_program() {
  return fs::read_symlink("/proc/self/exe").parent_path() / "nnunet-engine";
}

/// Whether the driver of NVIDIA's GPUs has one for a libtorch that can use it.
bool gpu_for_torch() {
#ifdef NNUNET_TORCH_HAS_CUDA
  return fs::exists("/dev/nvidiactl") || fs::exists("/dev/dxg");
#else
  return false;
#endif
}

}  // namespace

const EngineBackend* engines_here() {
  return nullptr;
}

TorchScriptWriter torchscript_here() {
  return {};
}

bool has_engine_program() {
  return fs::exists(engine_program());
}

void go_where_torch_is(const std::string& what) {
  const fs::path program = engine_program();
#ifdef NNUNET_TORCH
  auto arguments = own_arguments();
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  throw Error(program.string(), what + " needs it, and it cannot be started: " + std::strerror(errno),
              "nnunet-engine belongs beside nnunet: build or install both");
#else
  throw Error(what, "needs libtorch, which this program was built without", "build it with -DNNUNET_TORCH=ON");
#endif
}

void go_where_network_runs(const std::string& engine, int gpus) {
  if (engine != "auto" && engine != "native") return go_where_torch_is("--engine " + engine);
#ifdef NNUNET_TORCH
  if (gpus > 0) return go_where_torch_is("--gpus");
#endif
  if (gpus < 0 && engine == "auto" && gpu_for_torch()) go_where_torch_is("a GPU");
}

void benchmark_forward(const PredictFlags&) {
  throw Error("--benchmark", "needs libtorch, which this program was built without", "use nnunet-engine");
}

int train_v2_fold(const V2TrainFlags&) {
  throw Error("nnUNetv2_train", "needs libtorch, which this program was built without", "use nnunet-engine");
}

}  // namespace nnunet::app
