#pragma once
#include <string>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/export/options.h"
#include "nnunet/onnx/onnx.h"

/// A checkpoint's network in the formats of other programs: patches (batch,in_channels,patch) float32, preprocessed, go
/// in as INPUT__0; logits (batch,n_class,patch) float32 or, with argmax, class indices (batch,patch) int64 come out as
/// OUTPUT__0. All throw Error for a state_dict that does not fit the plan.
namespace nnunet {

/// What a user of the network must know: task, patch_size, spacing (mm, z y x or y x), labels, modality, normalisation,
/// network (the plan), and what the file gives. Lists and objects are JSON.
ModelMetadata model_metadata(const Checkpoint& checkpoint, const ModelOptions& options);

/// The bytes of model.onnx (onnx/onnx.h), with the metadata as its properties.
std::string to_onnx(const Checkpoint& checkpoint, const ModelOptions& options);

/// The bytes of model.pt, a TorchScript module that torch::jit::load and Python's torch.jit.load read. Its parameters
/// have the names of the checkpoint; the metadata are its extra file "nnunet.json". fp16, bf16: convolutions with
/// weights in that type, normalisation with its own in float32, as mixed precision computes here.
std::string to_torchscript(const Checkpoint& checkpoint, const ModelOptions& options);

}  // namespace nnunet
