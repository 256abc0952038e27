#pragma once
#include "nnunet/kernels/direct.h"
#include "nnunet/kernels/winograd.h"

namespace nnunet::native {

/// Tile sizes for a layer.
kernels::WinogradPlan winograd_plan(const kernels::ConvShape& shape, bool bf16, kernels::Isa isa);

}  // namespace nnunet::native
