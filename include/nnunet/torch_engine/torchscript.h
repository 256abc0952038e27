#pragma once
#include <string>

#include "nnunet/export/model.h"

namespace nnunet {

/// The bytes of model.pt, a TorchScript module that torch::jit::load and Python's torch.jit.load read. Its parameters
/// have the names of the checkpoint; the metadata are its extra file "nnunet.json". fp16, bf16: convolutions with
/// weights in that type, normalisation with its own in float32, as mixed precision computes here.
std::string to_torchscript(const Checkpoint& checkpoint, const ModelOptions& options);

}  // namespace nnunet
