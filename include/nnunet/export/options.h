#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/precision.h"

namespace nnunet {

struct ModelOptions {
  Precision precision = Precision::fp32;
  bool argmax = false;
};

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

struct ExportOptions {
  std::string format = "onnx";   ///< torchscript: output/model.pt; onnx: output/model.onnx; triton: a repository
  std::filesystem::path output;  ///< a folder
  ModelOptions model;
  TritonOptions triton;
};

}  // namespace nnunet
