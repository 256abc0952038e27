#include "nnunet/infer/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engines.h"
#include "nnunet/core/array.h"
#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/engine_names.h"
#include "nnunet/infer/precision.h"

namespace nnunet {
namespace {

std::vector<std::int64_t> shape_of(std::int64_t batch, std::int64_t channels, const std::vector<std::int64_t>& patch) {
  std::vector<std::int64_t> shape{batch, channels};
  shape.insert(shape.end(), patch.begin(), patch.end());
  return shape;
}

[[noreturn]] void refuse(const std::string& name) {
  const auto names = engine_names();
  const bool known = std::ranges::find(names, name) != names.end();
  throw Error(
      "--engine", known ? fmt::format("this build has no {}", name) : fmt::format("unknown engine \"{}\"", name),
      fmt::format("choose one of: {}; docs/deploy.md says how to build the others", fmt::join(built_engines(), ", ")));
}

}  // namespace

PatchShape::PatchShape(const Checkpoint& checkpoint)
    : in_channels(checkpoint.plan.in_channels), classes(checkpoint.plan.n_class), patch(checkpoint.data.patch_size) {}

std::vector<std::int64_t> PatchShape::input(std::int64_t batch) const {
  return shape_of(batch, in_channels, patch);
}

std::vector<std::int64_t> PatchShape::output(std::int64_t batch) const {
  return shape_of(batch, classes, patch);
}

torch::Tensor PatchShape::checked(const torch::Tensor& windows, torch::Device device) const {
  if (windows.dim() < 1 || windows.sizes() != torch::IntArrayRef(input(windows.size(0))))
    throw Error("network input",
                fmt::format("{} where this engine takes {}", shape_text(windows.sizes()), shape_text(input(-1))),
                "use the patch size of the training, or --engine libtorch");
  return windows.to(device, torch::kFloat32).contiguous();
}

std::vector<std::string> engine_names() {
  return {kEngineNames.begin(), kEngineNames.end()};
}

std::vector<std::string> built_engines() {
  std::vector<std::string> names{"native", "libtorch"};
#ifdef NNUNET_ONNXRUNTIME
  names.insert(names.end(), {"onnxruntime", "tensorrt"});
#endif
#ifdef NNUNET_OPENVINO
  names.emplace_back("openvino");
#endif
  return names;
}

std::vector<std::pair<std::string, std::string>> engine_versions() {
  std::vector<std::pair<std::string, std::string>> versions;
  for (const std::string& name : built_engines()) {
    std::string version = fmt::format("kernels for {}", isa_name(chosen_isa()));
    if (name == "libtorch") version = TORCH_VERSION;
#ifdef NNUNET_ONNXRUNTIME
    if (name == "onnxruntime" || name == "tensorrt") version = "onnxruntime " + onnxruntime_version();
#endif
#ifdef NNUNET_OPENVINO
    if (name == "openvino") version = openvino_version();
#endif
    versions.emplace_back(name, version);
  }
  return versions;
}

bool runs_natively(Precision precision, torch::Device device) {
  return device.is_cpu() && precision != Precision::fp16;
}

torch::Device choose_engine_device(const std::string& name, int gpus, const JobPlace& place) {
  const bool cpu_only = name == "native" || name == "openvino" || name == "onnxruntime";
  if (cpu_only && gpus > 0)
    throw Error("--gpus", fmt::format("--engine {} runs on the CPU", name),
                "leave --gpus out, or use --engine libtorch");
  const torch::Device device = choose_device(cpu_only ? 0 : gpus, place);
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
  if (options.name == "auto" || options.name == "libtorch") return make_torch_engine(checkpoint, options, source);
#ifdef NNUNET_ONNXRUNTIME
  if (options.name == "onnxruntime" || options.name == "tensorrt") return make_onnxruntime_engine(checkpoint, options);
#endif
#ifdef NNUNET_OPENVINO
  if (options.name == "openvino") return make_openvino_engine(checkpoint, options);
#endif
  refuse(options.name);
}

}  // namespace nnunet
