#pragma once
#include <torch/torch.h>

#include "nnunet/core/precision.h"
#include "peak_cpu.h"

namespace nnunet {

/// What the device can do in that precision: measure_cpu_peak, or on a GPU the fastest of several products of large
/// matrices (8192 x 8192; in fp32 with TF32 where convolutions use it).
Peak measure_peak(Precision precision, torch::Device device);

}  // namespace nnunet
