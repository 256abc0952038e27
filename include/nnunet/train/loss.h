#pragma once
#include <torch/torch.h>

#include <optional>
#include <vector>

#include "nnunet/distributed/process_group.h"
#include "nnunet/train/v2_loss.h"

namespace nnunet {

/// Dice loss (softmax, without background, sums over the whole batch, smoothing 1e-5 above and below) plus cross
/// entropy or focal loss (gamma 2): a sum (contract, section 4). logits (N,K,spatial) any float type (computed in
/// float32; double in double, by the plain version), label (N,spatial) uint8 or int64. Throws Error for shapes that do
/// not fit and for labels that are no class. One pass over the logits forward and one backward
/// (kernels/segmentation_loss.h, on GPUs kernels/cuda.h: there a label that is no class makes the loss NaN instead, as
/// an error would have to wait for the GPU).
/// group: sums over the batches of all its processes, each of the same size: every process gets the loss of the whole
/// batch, and the average of the processes' gradients is that loss's gradient.
torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal = false,
                           const ProcessGroup* group = nullptr);

/// The plain version, from torch's operators.
torch::Tensor plain_dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal = false);

/// What a training minimises.
struct LossOptions {
  bool focal = false;  ///< beside the Dice loss: focal loss, else cross entropy
  /// A network's heads, the full resolution's first; 0: nothing flows back into that head, and it never changes. Heads
  /// beyond the last weight likewise (deep_supervision_weights).
  std::vector<double> head_weights = {1};
  std::optional<V2LossOptions> v2 = {};  ///< nnU-Net v2's in place of dice_ce_loss
};

/// The loss over a network's heads: a weighted sum of dice_ce_loss or v2_loss, for heads of lower resolution against
/// the nearest voxels of the label.
class Loss {
 public:
  /// Throws Error for weights that are negative or all 0, and as check_v2_loss.
  explicit Loss(LossOptions options = {});
  /// heads: logits (N,K,spatial) each, as many as there are weights, or heads() at least, else Error. label:
  /// (N,spatial), full resolution.
  torch::Tensor operator()(const std::vector<torch::Tensor>& heads, const torch::Tensor& label,
                           const ProcessGroup* group = nullptr) const;
  /// Of the full resolution alone, as evaluations have it.
  torch::Tensor of_full_resolution(const torch::Tensor& logits, const torch::Tensor& label) const {
    return of_head(logits, label, nullptr);
  }
  /// How many heads it looks at, from the full resolution on: those after them need not be computed.
  std::size_t heads() const { return heads_; }
  const LossOptions& options() const { return options_; }

 private:
  torch::Tensor of_head(const torch::Tensor& logits, const torch::Tensor& label, const ProcessGroup* group) const;

  LossOptions options_;
  std::size_t heads_ = 0;
};

}  // namespace nnunet
