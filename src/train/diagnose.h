#pragma once
#include <string>

#include "nnunet/core/precision.h"
#include "nnunet/data/loader.h"
#include "nnunet/network/unet.h"

namespace nnunet {

/// Where a step whose loss or gradients are not finite goes wrong first: in a case's image, a parameter, or behind a
/// block of the network for a case. Runs the forward again. One phrase; says so when everything up to the logits is
/// finite.
std::string where_not_finite(UNet& network, const Batch& batch, Precision precision, torch::Device device);

}  // namespace nnunet
