#pragma once
#include <torch/torch.h>

#include <vector>

#include "nnunet/train/v2_loss.h"

namespace nnunet {

/// Voxels by what was predicted and what is true, of each foreground class, or of each region.
struct Confusion {
  std::vector<double> tp, fp, fn;

  /// Adds those of another batch; an empty one takes them over.
  Confusion& operator+=(const Confusion& other);
  /// 2 TP / (2 TP + FP + FN); NaN where all are 0.
  std::vector<double> dice() const;
};

/// Of nnU-Net v2's pseudo Dice: the largest logit decides (the lowest class where they tie), with regions a sigmoid
/// above 0.5. Voxels of the ignore label are left out. logits (N,K,spatial), any float type, label (N,spatial) uint8 or
/// int64, on the same device, which is waited for.
Confusion count_confusion(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options);

}  // namespace nnunet
