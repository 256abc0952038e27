#pragma once
#include <torch/torch.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/job.h"
#include "nnunet/core/precision.h"

namespace nnunet {

/// What computes a trained network: libtorch, or another program's runtime. The narrow interface behind which all of
/// them lie; a new one is a file in src/infer and a line in engine.cpp.
/// Not thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  /// (N,in_channels,spatial) float32 -> logits (N,n_class,spatial) of any float type and layout, a tensor of its own,
  /// on the engine's device. native and libtorch take every spatial size that fits the network, the others the patch
  /// of the checkpoint. No gradients. Throws Error for another shape.
  virtual torch::Tensor forward(const torch::Tensor& windows) = 0;
  /// Its name, version and arithmetic: "libtorch 2.13.0, fp32, cpu", "native, fp32, cpu, avx2".
  virtual std::string description() const = 0;
};

struct EngineOptions {
  std::string name = "auto";  ///< --engine; auto: native where it fits, else libtorch
  Precision precision = Precision::fp32;
  torch::Device device = torch::kCPU;
};

/// All names that --engine takes, "auto" first, whether or not this build has them.
std::vector<std::string> engine_names();
/// Those of this build, without "auto".
std::vector<std::string> built_engines();

/// built_engines() with their versions: {"libtorch", "2.13.0"}, ...
std::vector<std::pair<std::string, std::string>> engine_versions();

/// What the native engine can do: fp32 and bf16 on the CPU.
bool runs_natively(Precision precision, torch::Device device);

/// The device for --engine and --gpus (choose_device): native, openvino and onnxruntime run on the CPU, tensorrt on a
/// GPU. Throws Error where --gpus asks for another one.
torch::Device choose_engine_device(const std::string& name, int gpus, const JobPlace& place = {});

/// source names the checkpoint in messages. Throws Error for an engine that this build does not have, arithmetic or a
/// device that it cannot do, and weights that do not fit the plan.
std::unique_ptr<Engine> make_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                    const std::string& source = "checkpoint");

}  // namespace nnunet
