#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/export/model.h"

namespace nnunet {

/// How Triton Inference Server is to run the models.
struct TritonOptions {
  std::string model_name;                           ///< empty: nnunet_<task>_<dim>d
  std::int64_t model_version = 1;                   ///< name of the folder that holds the model
  std::int64_t max_batch = 0;                       ///< 0: 4 in 3D, 64 in 2D
  std::vector<std::int64_t> preferred_batch_sizes;  ///< of dynamic batching; empty: half of max_batch and max_batch
  std::int64_t max_queue_delay_us = 1000;           ///< a request waits so long for others; 0: no dynamic batching
  std::int64_t instances = 1;                       ///< a GPU (or on the CPU, where there is none)
  bool capture_cuda_graph = false;                  ///< TensorRT
};

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
