#pragma once
#include <random>

#include "nnunet/plan/plan.h"

namespace nnunet::test {

/// A small network of any kind that a plan can say: depth, kernels, strides, blocks, biases, shortcuts, heads, names.
inline NetworkPlan random_plan(std::uint32_t seed) {
  std::mt19937 rng(seed);
  const auto one_of = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng); };
  const auto coin = [&] { return one_of(0, 1) == 1; };
  NetworkPlan plan;
  plan.dim = coin() ? 3 : 2;
  plan.in_channels = one_of(1, 5);
  plan.n_class = one_of(2, 6);
  plan.naming = coin() ? Naming::nnunet_v2 : Naming::reference;
  const bool v2 = plan.naming == Naming::nnunet_v2;
  plan.residual = coin();
  plan.stem = v2 && plan.residual && coin();
  plan.conv_bias = coin();
  plan.deep_supervision = v2 && coin();
  plan.shortcut = coin() ? Shortcut::pooling : Shortcut::convolution;
  plan.decoder_kernel = coin() ? DecoderKernel::own : DecoderKernel::below;
  plan.negative_slope = coin() ? 0.01 : 0.2;
  const int levels = one_of(2, 4);
  const auto axes = static_cast<std::size_t>(plan.dim);
  for (int level = 0; level < levels; ++level) {
    std::vector<std::int64_t> kernel, stride;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      kernel.push_back(axis == 0 && coin() ? 1 : 3);
      stride.push_back(level == 0 || (axis == 0 && coin()) ? 1 : 2);
    }
    plan.kernels.push_back(kernel);
    plan.strides.push_back(stride);
    plan.filters.push_back(level > 0 && one_of(0, 3) == 0 ? plan.filters.back() : one_of(3, 40));
    if (v2 || !plan.residual) plan.encoder_blocks.push_back(one_of(1, 3));
    if (level > 0) plan.decoder_blocks.push_back(one_of(1, 2));
  }
  plan.residual_decoder = v2 && plan.residual && coin();
  return plan;
}

}  // namespace nnunet::test
