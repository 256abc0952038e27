#pragma once
#include <array>
#include <cstdint>

#include "nnunet/kernels/blocked.h"

/// Average pooling whose window is its stride: the shortcuts of nnU-Net v2's residual blocks.
namespace nnunet::kernels {

/// y = means of x over windows of `stride` (d,h,w) voxels; y's sizes are x's divided by the stride.
template <class T>
void mean_pool(const Blocked<const T>& x, const std::array<std::int64_t, 3>& stride, const Blocked<T>& y);

/// Its gradient with respect to x, written to dx or, with `add`, added to it.
template <class T>
void mean_pool_gradient(const Blocked<const T>& dy, const std::array<std::int64_t, 3>& stride, const Blocked<T>& dx,
                        bool add);

}  // namespace nnunet::kernels
