#pragma once
#include <cstdint>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/layout.h"

/// Instance normalisation (Ulyanov et al., "Instance normalization", 2016) and LeakyReLU in one operator on the CPU:
/// y = lrelu((x - mean) / sqrt(var + epsilon) * gamma + beta), mean and population variance over the voxels of each
/// sample and channel. The plain version is torch's instance_norm followed by leaky_relu.
namespace nnunet::kernels {

struct NormShape {
  std::int64_t samples = 0, channels = 0, voxels = 0;
  Layout layout = Layout::channels_last;
};

/// gamma and beta: (C).
struct NormParameters {
  const float* gamma = nullptr;
  const float* beta = nullptr;
  float epsilon = 1e-5f;
  float slope = 0.01f;  ///< of LeakyReLU below 0
};

/// y may be x. mean and rstd, (N,C), receive the mean and 1 / sqrt(var + epsilon). T: float or Bfloat16 (sums are kept
/// in float and double). The result does not depend on the number of threads.
template <class T>
void norm_act_forward(const T* x, T* y, float* mean, float* rstd, const NormShape& shape, const NormParameters& p);

/// Gradients from dy: dx (may be dy), dgamma and dbeta (C). mean and rstd as the forward left them.
template <class T>
void norm_act_backward(const T* x, const T* dy, T* dx, float* dgamma, float* dbeta, const float* mean,
                       const float* rstd, const NormShape& shape, const NormParameters& p);

}  // namespace nnunet::kernels
