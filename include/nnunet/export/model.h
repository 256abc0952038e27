#pragma once
#include <functional>
#include <string>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/export/options.h"
#include "nnunet/onnx/onnx.h"

/// A checkpoint's network in the formats of other programs: patches (batch,in_channels,patch) float32, preprocessed, go
/// in as INPUT__0; logits (batch,n_class,patch) float32 or, with argmax, class indices (batch,patch) int64 come out as
/// OUTPUT__0. All throw Error for a state_dict that does not fit the plan.
namespace nnunet {

/// What a user of the network must know: task, patch_size, spacing (mm, z y x or y x), labels, modality, normalisation,
/// network (its plan), model (the ModelPlan of everything from image to label map), and what the file gives. Lists and
/// objects are JSON.
ModelMetadata model_metadata(const Checkpoint& checkpoint, const ModelOptions& options);

/// The bytes of model.onnx (onnx/onnx.h), with the metadata as its properties.
std::string to_onnx(const Checkpoint& checkpoint, const ModelOptions& options);

/// The bytes of model.pt: to_torchscript (torch_engine/torchscript.h) in programs that have libtorch.
using TorchScriptWriter = std::function<std::string(const Checkpoint& checkpoint, const ModelOptions& options)>;

}  // namespace nnunet
