#pragma once
#include <torch/torch.h>

#include <utility>

#include "nnunet/data/loader.h"

namespace nnunet {

/// Whether this build can augment on that device: GPUs, with NNUNET_CUDA.
bool augments_on(torch::Device device);

/// Whether the batch is still to be augmented: it is of plain crops, or of what patches are made from.
bool is_plain(const Batch& batch);

/// Moves a plain batch to the GPU and does there what its recipes say (kernels/cuda.h), without waiting for the GPU.
/// Returns image (N,C,spatial) and label (N,spatial). Throws Error for devices that augments_on does not name.
std::pair<torch::Tensor, torch::Tensor> augment_on_gpu(const Batch& batch, torch::Device device);

}  // namespace nnunet
