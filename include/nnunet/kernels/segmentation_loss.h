#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/layout.h"

/// What losses of Dice and a voxelwise term need of the logits, in one pass over them each way, without the
/// probabilities or a one-hot label ever lying in memory (CPU).
namespace nnunet::kernels {

struct LossShape {
  std::int64_t samples = 0, classes = 0, voxels = 0;
  Layout layout = Layout::channels_last;
};

/// Sums over the voxels; p: probability of class (or region) k, t: 1 in the voxels of it, else 0.
struct LossSums {
  std::vector<double> intersection;  ///< (N,K): of p t
  std::vector<double> probability;   ///< (N,K): of p
  std::vector<double> label;         ///< (N,K): of t
  double loss = 0;                   ///< of the voxelwise term, over all samples

  /// Those of the whole batch: (K) instead of (N,K).
  LossSums over_samples(std::int64_t classes) const;
};

/// Derivatives of the total loss by the sums.
struct LossDerivatives {
  const float *by_intersection = nullptr, *by_probability = nullptr;  ///< (N,K), or (K), the same for all samples
  std::int64_t sample_step = 0;                                       ///< from a sample's to the next one's: K or 0
  float by_loss = 0;
};

/// Classes that exclude each other: p is the softmax of the logits, the voxelwise term cross entropy, -log p_t, or with
/// focal -(1 - p_t)^2 log p_t. logits (N,K,voxels), float or Bfloat16; label (N,voxels): values of K and above belong
/// to no class, their voxels count nowhere. The result does not depend on the number of threads.
template <class T>
LossSums loss_forward(const T* logits, const std::uint8_t* label, const LossShape& shape, bool focal);

/// d logits.
template <class T>
void loss_backward(const T* logits, const std::uint8_t* label, T* gradient, const LossShape& shape, bool focal,
                   const LossDerivatives& by);

/// Which labels belong to which region: member[r * 256 + label] is 1 where they do, else 0. Labels of `labels` and
/// above, at most 255, are none: their voxels count nowhere.
struct RegionTable {
  const float* member = nullptr;
  std::int64_t labels = 0;
};

/// Regions, which may overlap: p is the sigmoid of the logits, the voxelwise term binary cross entropy, summed over the
/// regions. Else as loss_forward and loss_backward.
template <class T>
LossSums region_loss_forward(const T* logits, const std::uint8_t* label, const LossShape& shape,
                             const RegionTable& table);
template <class T>
void region_loss_backward(const T* logits, const std::uint8_t* label, T* gradient, const LossShape& shape,
                          const RegionTable& table, const LossDerivatives& by);

}  // namespace nnunet::kernels
