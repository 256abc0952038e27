#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "nnunet/core/precision.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/network/unet.h"
#include "nnunet/train/options.h"

namespace nnunet {

/// Whether this training runs on our own kernels (options.engine). Throws Error for "native" where they do not fit, and
/// for engines that cannot train.
bool trains_natively(const TrainOptions& options, Precision precision, torch::Device device, const ProcessGroup& group);

/// Moves the network to the device for training on patches of this size. On a GPU its memory format is the faster one
/// of channels last and channels first, measured there and logged; on a CPU it is channels last, for our own kernels
/// the standard one.
void place_for_training(UNet& network, const TrainOptions& options, const std::vector<std::int64_t>& patch,
                        Precision precision, torch::Device device, const ProcessGroup& group = ProcessGroup());

/// The measurement: forward and backward of this image (N,C,spatial) in each format. Leaves weights, statistics and
/// gradients (none) as they were, the network in the last format tried.
torch::MemoryFormat fastest_format(UNet& network, const torch::Tensor& image, Precision precision);

}  // namespace nnunet
