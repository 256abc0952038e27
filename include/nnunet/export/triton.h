#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/export/model.h"

namespace nnunet {

/// Writes a model repository for `tritonserver --model-repository=folder`: NAME_onnx and NAME_torchscript, each with
/// its config.pbtxt, and what makes NAME_tensorrt of NAME_onnx: build_NAME_tensorrt.sh (trtexec, on the GPU that is to
/// run it) and NAME_tensorrt.pbtxt. Models that are there already keep their other versions. Returns the files. Throws
/// Error for a model name with other characters than letters, digits, ".", "_" and "-", versions and sizes below 1, and
/// preferred sizes above max_batch.
std::vector<std::filesystem::path> write_triton_repository(const std::filesystem::path& folder,
                                                           const Checkpoint& checkpoint, const ModelOptions& model,
                                                           const TritonOptions& options,
                                                           const TorchScriptWriter& torchscript);

}  // namespace nnunet
