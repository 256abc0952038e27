#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "nnunet/distributed/process_group.h"
#include "nnunet/plan/label_spec.h"

namespace nnunet {

/// nnU-Net v2's loss of one head (contract-v2-run, section 3), and what its trainers vary: dice_weight times a Dice
/// loss plus voxel_weight times cross entropy.
///
/// Labels are values from 0 on, regions[r][value] says which of them region r has; without regions the K classes are
/// the values 0 to K-1 and exclude each other. The ignore label is the value after the last one.
struct V2LossOptions {
  double dice_weight = 1;   ///< 0: without. Between -1 (all right) and 0
  double voxel_weight = 1;  ///< 0: without. Cross entropy, with regions binary cross entropy
  bool batch_dice = false;  ///< Dice of the batch's sums, else the mean of the samples'
  double smooth = 1e-5;     ///< added to both parts of each Dice
  double top_k = 0;  ///< percent of the voxels, those of the largest cross entropy, that its mean is over; 0: all
  double label_smoothing = 0;                   ///< of the cross entropy
  std::optional<int> ignore_label = {};         ///< its voxels are not annotated
  std::vector<std::vector<bool>> regions = {};  ///< [region][label value]; empty: classes

  /// How many values a label has beside the ignore label; channels: of the logits.
  std::int64_t label_values(std::int64_t channels) const {
    return regions.empty() ? channels : static_cast<std::int64_t>(regions.front().size());
  }
};

/// Throws Error for options that contradict each other: regions with top_k or label smoothing, or of different
/// lengths; an ignore label within the labels; weights that are both 0.
void check_v2_loss(const V2LossOptions& options);

/// logits (N,K,spatial), any float type, computed in float32 (double in double); label (N,spatial), uint8, or int64,
/// then by the plain version. 0-dim, float32 (double). Throws Error for shapes that do not fit and for labels that are
/// no value; on GPUs, where that would mean to wait, the loss is NaN then.
///
/// On CPUs in float32 and bfloat16 it is one pass over the logits forward and one backward
/// (kernels/segmentation_loss.h), but for top_k and label smoothing.
///
/// group: the loss of the batches of all its processes together, which may differ in size; the average of the
/// processes' gradients is its gradient. top_k then is of each process's voxels.
torch::Tensor v2_loss(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options,
                      const ProcessGroup* group = nullptr);

/// The same from torch's operators.
torch::Tensor plain_v2_loss(const torch::Tensor& logits, const torch::Tensor& label, const V2LossOptions& options,
                            const ProcessGroup* group = nullptr);

/// nnU-Net v2's default loss for a dataset's labels: its ignore label and, where it has regions, their table. Throws
/// Error for more values than a label of 8 bits has.
V2LossOptions v2_loss_options(const LabelSpec& labels, bool batch_dice);

/// Weights of the heads with deep supervision, the full resolution's first: 2^-i, the last one 0, their sum 1. One head
/// has all the weight.
std::vector<double> deep_supervision_weights(std::size_t heads);

}  // namespace nnunet
