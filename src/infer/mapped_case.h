#pragma once
#include <torch/torch.h>

#include <optional>
#include <string>

#include "nnunet/data/folder.h"

namespace nnunet {

/// A case of a preprocessed folder as tensors over its mapped files (read only).
struct MappedCase {
  NpyFile x;
  std::optional<NpyFile> y;
  torch::Tensor image;  ///< (C,D,H,W) float32
  torch::Tensor label;  ///< (1,D,H,W) uint8; undefined without label file
};

/// Throws Error for a label of another shape or with classes that config.json does not know, or, when needs_label,
/// none.
MappedCase open_case(const PreprocessedFolder& folder, const std::string& name, bool needs_label);

}  // namespace nnunet
