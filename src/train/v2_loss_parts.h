#pragma once
#include <torch/torch.h>

#include <optional>

#include "nnunet/train/v2_loss.h"

namespace nnunet {

/// What nnU-Net v2's loss is made of; of one process's batch, without the voxels that are ignored.
struct LossParts {
  torch::Tensor intersection, probability, label;  ///< (N,K), undefined without Dice
  torch::Tensor voxel_sum;                         ///< 0-dim: of the cross entropy
  torch::Tensor voxel_count;                       ///< 0-dim: what that is divided by
};

/// By the fused kernels; null where they do not take these tensors or options.
std::optional<LossParts> fused_parts(const torch::Tensor& logits, const torch::Tensor& label,
                                     const V2LossOptions& options);
/// By torch's operators.
LossParts plain_parts(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options);

/// regions as (K,256), 1 where a label value is the region's; float32.
torch::Tensor member_table(const V2LossOptions& options);

}  // namespace nnunet
