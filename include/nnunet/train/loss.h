#pragma once
#include <torch/torch.h>

namespace nnunet {

/// Dice loss (softmax, without background, sums over the whole batch, smoothing 1e-5 above and below) plus cross
/// entropy or focal loss (gamma 2): a sum (contract, section 4). logits (N,K,spatial) any float type (computed in
/// float32), label (N,spatial) uint8 or int64.
torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal = false);

}  // namespace nnunet
