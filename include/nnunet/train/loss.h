#pragma once
#include <torch/torch.h>

namespace nnunet {

/// Dice loss (softmax, without background, sums over the whole batch, smoothing 1e-5 above and below) plus cross
/// entropy or focal loss (gamma 2): a sum (contract, section 4). logits (N,K,spatial) any float type (computed in
/// float32), label (N,spatial) uint8 or int64. Throws Error for shapes that do not fit and for labels that are no
/// class. One pass over the logits forward and one backward (kernels/segmentation_loss.h, on GPUs kernels/cuda.h: there
/// a label that is no class makes the loss NaN instead, as an error would have to wait for the GPU).
torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal = false);

/// The plain version, from torch's operators.
torch::Tensor plain_dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal = false);

}  // namespace nnunet
