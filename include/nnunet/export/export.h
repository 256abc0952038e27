#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/export/model.h"
#include "nnunet/export/triton.h"

namespace nnunet {

/// Writes a checkpoint's network for other programs; returns the files. torchscript: needed for TorchScript and Triton.
/// Throws Error.
std::vector<std::filesystem::path> export_model(const Checkpoint& checkpoint, const ExportOptions& options,
                                                const TorchScriptWriter& torchscript = {});

}  // namespace nnunet
