#pragma once
#include <memory>
#include <string>

#include "nnunet/infer/engine.h"

/// The engines, a file each; CMake says which of them are built (NNUNET_OPENVINO, NNUNET_ONNXRUNTIME).
namespace nnunet {

std::unique_ptr<Engine> make_torch_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                          const std::string& source);
std::unique_ptr<Engine> make_openvino_engine(const Checkpoint& checkpoint, const EngineOptions& options);
std::string openvino_version();
std::string onnxruntime_version();
/// On the CPU, or (options.name tensorrt) by its TensorRT provider on a GPU.
std::unique_ptr<Engine> make_onnxruntime_engine(const Checkpoint& checkpoint, const EngineOptions& options);

/// Shapes of what engines made from ONNX take and give.
struct PatchShape {
  std::int64_t in_channels = 1, classes = 2;
  std::vector<std::int64_t> patch;

  explicit PatchShape(const Checkpoint& checkpoint);
  std::vector<std::int64_t> input(std::int64_t batch) const;
  std::vector<std::int64_t> output(std::int64_t batch) const;
  /// Throws Error for windows of another shape.
  void check(const WindowBatch& windows) const;
};

}  // namespace nnunet
