#pragma once
#include "nnunet/kernels/blocked.h"

/// What no convolution takes on its way: the sums of residual blocks.
namespace nnunet::kernels {

/// y = what a convolution would read. y may be the source's own tensors.
template <class T>
void apply(const Source<T>& source, const Blocked<T>& y, Isa isa = chosen_isa());

/// The gradient of a residual block's sum lrelu(x * scale + shift + with * with_scale) (`sum`): g becomes that before
/// LeakyReLU, g'. sums and with_sums, (N, blocks * 16, 2): sums over the voxels of g' and of g' * (x * rstd + offset);
/// likewise for `with`, unless with_rstd is null. rstd and offset: (N, blocks * 16).
template <class T>
struct SumGradient {
  Source<T> sum;
  Blocked<T> g;
  const float *rstd = nullptr, *offset = nullptr, *with_rstd = nullptr, *with_offset = nullptr;
  double *sums = nullptr, *with_sums = nullptr;
};
template <class T>
void sum_gradient(const SumGradient<T>& s, Isa isa = chosen_isa());

/// y += x.
template <class T>
void accumulate(const Blocked<const T>& x, const Blocked<T>& y);

}  // namespace nnunet::kernels
