#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/export/model.h"
#include "nnunet/export/triton.h"

namespace nnunet {

struct ExportOptions {
  std::string format = "onnx";   ///< torchscript: output/model.pt; onnx: output/model.onnx; triton: a repository
  std::filesystem::path output;  ///< a folder
  ModelOptions model;
  TritonOptions triton;
  TorchScriptWriter torchscript;  ///< needed for torchscript and triton
};

/// Writes a checkpoint's network for other programs; returns the files. Throws Error.
std::vector<std::filesystem::path> export_model(const Checkpoint& checkpoint, const ExportOptions& options);

}  // namespace nnunet
