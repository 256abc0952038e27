#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/plan/plan.h"

namespace nnunet {

/// Floating-point operations of a network on one image: those of its convolutions, two a multiply-add. Normalisation,
/// activations, loss and optimizer are not counted, nor is what activation checkpointing computes twice: the count is
/// that of the useful work, whatever way it is done.
struct NetworkFlops {
  double forward = 0;
  /// Forward, and as much again for the gradients of the weights and of the inputs; the network's own input needs none.
  double training_step = 0;
};

/// patch: (d,h,w) or (h,w), multiples of total_stride(plan).
NetworkFlops count_flops(const NetworkPlan& plan, const std::vector<std::int64_t>& patch);

}  // namespace nnunet
