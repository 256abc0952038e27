#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/layout.h"

/// What Dice and cross entropy (or focal) losses need of the logits, in one pass over them each way, without the
/// probabilities or a one-hot label ever lying in memory (CPU).
namespace nnunet::kernels {

struct LossShape {
  std::int64_t samples = 0, classes = 0, voxels = 0;
  Layout layout = Layout::channels_last;
};

/// Sums over all samples and voxels; p: softmax of the logits, t: the label.
struct LossSums {
  std::vector<double> intersection;  ///< of each class k: p_k where t = k
  std::vector<double> probability;   ///< of p_k
  std::vector<double> label;         ///< voxels with t = k
  double loss = 0;                   ///< -log p_t, or with focal -(1 - p_t)^2 log p_t
};

/// logits (N,K,voxels), float or Bfloat16, label (N,voxels) in [0, K): larger ones belong to no class and are left out
/// of `loss` too. The result does not depend on the number of threads.
template <class T>
LossSums loss_forward(const T* logits, const std::uint8_t* label, const LossShape& shape, bool focal);

/// d logits, from the derivatives of the total loss by the sums: intersection and probability (K), loss.
template <class T>
void loss_backward(const T* logits, const std::uint8_t* label, T* gradient, const LossShape& shape, bool focal,
                   const float* by_intersection, const float* by_probability, float by_loss);

}  // namespace nnunet::kernels
