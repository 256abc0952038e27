#include "nnunet/infer/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine_native.h"
#include "nnunet/core/array.h"
#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/engine_names.h"
#include "nnunet/infer/window_lane.h"

namespace nnunet {
namespace {

[[noreturn]] void refuse(const std::string& name, const EngineBackend* others) {
  const auto names = engine_names();
  const bool known = std::ranges::find(names, name) != names.end();
  throw Error("--engine",
              known ? fmt::format("this build has no {}", name) : fmt::format("unknown engine \"{}\"", name),
              fmt::format("choose one of: {}; docs/deploy.md says how to build the others",
                          fmt::join(built_engines(others), ", ")));
}

}  // namespace

namespace {

std::vector<ForwardFunction> forwards_of(const std::vector<std::unique_ptr<Engine>>& engines) {
  std::vector<ForwardFunction> forwards;
  for (const auto& engine : engines)
    forwards.push_back([&engine](const WindowBatch& windows) { return engine->forward(windows); });
  return forwards;
}

}  // namespace

Logits mean_logits(const std::vector<std::unique_ptr<Engine>>& engines, LogitMemory& memory,
                   const WindowBatch& windows) {
  return mean_logits(forwards_of(engines), memory, windows);
}

std::unique_ptr<WindowLane> Engine::lane(const std::vector<std::unique_ptr<Engine>>& all, const SlidingWindowPlan&) {
  return make_cpu_lane(forwards_of(all));
}

std::vector<std::string> engine_names() {
  return {kEngineNames.begin(), kEngineNames.end()};
}

std::vector<std::string> built_engines(const EngineBackend* others) {
  std::vector<std::string> names;
  for (const auto& [name, version] : engine_versions(others)) names.push_back(name);
  return names;
}

std::vector<std::pair<std::string, std::string>> engine_versions(const EngineBackend* others) {
  std::vector<std::pair<std::string, std::string>> versions{
      {"native", fmt::format("kernels for {}", isa_name(chosen_isa()))}};
  if (others != nullptr) versions.insert(versions.end(), others->engines.begin(), others->engines.end());
  return versions;
}

bool runs_natively(Precision precision, Device device) {
  return device.is_cpu() && precision != Precision::fp16;
}

Device choose_engine_device(const std::string& name, int gpus, const EngineBackend* others, const JobPlace& place) {
  const bool cpu_only = name == "native" || name == "openvino" || name == "onnxruntime";
  if (cpu_only && gpus > 0)
    throw Error("--gpus", fmt::format("--engine {} runs on the CPU", name),
                "leave --gpus out, or use --engine libtorch");
  const Device device = choose_device(cpu_only ? 0 : gpus, others == nullptr ? 0 : others->gpus, place);
  if (name == "tensorrt" && device.is_cpu())
    throw Error("--engine", "tensorrt needs a GPU", "use --engine libtorch on the CPU");
  return device;
}

std::unique_ptr<Engine> make_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                    const std::string& source) {
  const bool native_fits = runs_natively(options.precision, options.device);
  if (options.name == "native" && !native_fits)
    throw Error("--engine", "native computes in fp32 and bf16", "use --precision bf16, or --engine libtorch");
  if (options.name == "native" || (options.name == "auto" && native_fits))
    return make_native_engine(checkpoint, options, source);
  const auto built = built_engines(options.others);
  const bool there = std::ranges::find(built, options.name == "auto" ? "libtorch" : options.name) != built.end();
  if (there) return options.others->make(checkpoint, options, source);
  refuse(options.name, options.others);
}

}  // namespace nnunet
