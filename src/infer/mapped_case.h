#pragma once
#include <optional>
#include <string>

#include "nnunet/data/folder.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/infer/sliding_window.h"

namespace nnunet {

/// A case of a preprocessed folder, in mapped files (read only).
struct MappedCase {
  NpyFile x;
  std::optional<NpyFile> y;

  /// (C,D,H,W)
  VolumeView image() const { return {x.values<float>().data(), x.shape()}; }
  bool has_label() const { return y.has_value(); }
  /// (D,H,W) of a case that has one.
  LabelView label() const { return {y->values<std::uint8_t>(), {y->shape().begin() + 1, y->shape().end()}}; }
};

/// Throws Error for a label of another shape or with classes that config.json does not know, or, when needs_label,
/// none.
MappedCase open_case(const PreprocessedFolder& folder, const std::string& name, bool needs_label);

}  // namespace nnunet
