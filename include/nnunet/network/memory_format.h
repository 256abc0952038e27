#pragma once
#include <torch/torch.h>

#include "nnunet/kernels/layout.h"

/// Memory formats of activations and weights, (N,C,H,W) or (N,C,D,H,W) alike.
namespace nnunet {

inline torch::MemoryFormat channels_last_format(std::int64_t axes) {
  return axes == 5 ? torch::MemoryFormat::ChannelsLast3d : torch::MemoryFormat::ChannelsLast;
}

/// The channels are innermost, and it makes a difference (not with one channel or one voxel).
inline bool is_channels_last(const torch::Tensor& x) {
  return (x.dim() == 4 || x.dim() == 5) && !x.is_contiguous() && x.is_contiguous(channels_last_format(x.dim()));
}

/// The tensor itself where its layout is one that the kernels take, else a contiguous copy.
inline torch::Tensor dense(const torch::Tensor& x) {
  return is_channels_last(x) ? x : x.contiguous();
}

inline kernels::Layout kernel_layout(const torch::Tensor& x) {
  return is_channels_last(x) ? kernels::Layout::channels_last : kernels::Layout::channels_first;
}

/// y in the layout of x, a copy where it has another.
inline torch::Tensor like(const torch::Tensor& y, const torch::Tensor& x) {
  return y.contiguous(is_channels_last(x) ? channels_last_format(x.dim()) : torch::MemoryFormat::Contiguous);
}

}  // namespace nnunet
