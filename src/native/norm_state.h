#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/kernels/blocked.h"
#include "nnunet/native/native_network.h"
#include "nnunet/plan/plan.h"

namespace nnunet::native {

/// One normalisation layer: statistics, and what they make of it as scale and shift of each sample's channels. All
/// vectors are (N, blocks * 16), or (blocks * 16) where they belong to the channels; zeros beyond the channels.
struct NormState {
  NormState(Norm kind, std::int64_t samples, std::int64_t channels, const NativeOptions& options);

  void set_parameters(const float* gamma_values, const float* beta_values);
  /// From `moments` (or the running statistics): scale, shift, rstd, offset. voxels: of a sample's channel.
  void finish_forward(std::int64_t voxels);
  /// From `sums` (ThroughNorm): the gradient of the norm's input as g' * gradient_scale + x * input_scale +
  /// gradient_shift, and the gradients of gamma and beta, (channels).
  void finish_backward(std::int64_t voxels, float* gamma_gradient, float* beta_gradient);

  /// After finish_backward: the sums over samples and voxels of the gradient of the norm's input, which is that of a
  /// bias before it; (channels).
  void sum_input_gradient(std::int64_t voxels, float* sums_of_channels) const;

  Norm kind;
  std::int64_t samples, channels, row;  ///< row: blocks * 16
  bool training;
  RunningStatistics running;
  std::vector<float> gamma, beta;                 ///< of the channels
  std::vector<kernels::Moments> moments;          ///< of the norm's input
  std::vector<float> scale, shift, rstd, offset;  ///< y = x * scale + shift, xhat = x * rstd + offset
  std::vector<double> sums;                       ///< (N, row, 2): of g' and g' * xhat
  std::vector<float> gradient_scale, gradient_shift, input_scale;

 private:
  bool tracked() const { return kind == Norm::batch && !training; }
  /// Calls with the (sample, channel) that share statistics.
  template <class Body>
  void for_each_group(const Body& body) const;
  void track(std::int64_t channel, const kernels::Moments& m, double count) const;
};

}  // namespace nnunet::native
