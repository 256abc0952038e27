#pragma once
#include <torch/torch.h>

#include "nnunet/core/device.h"

namespace nnunet {

torch::Device to_torch(Device device);
Device from_torch(torch::Device device);

/// How many GPUs libtorch can use.
int torch_gpus();

/// choose_device (core/device.h) among libtorch's GPUs; also lets GPUs compute float32 convolutions in TF32.
torch::Device choose_torch_device(int gpus, const JobPlace& place = {});

/// 10 bits of mantissa for float32 products of convolutions and matrices on GPUs, as the reference system trains.
void allow_tf32();

}  // namespace nnunet
