#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/train/loss.h"

namespace nnunet {

namespace {

/// The label's voxels nearest to those of a head of lower resolution: along each axis voxel i of m is floor((i + 1/2) n
/// / m) of n.
torch::Tensor nearest_label(const torch::Tensor& label, const torch::Tensor& logits) {
  torch::Tensor nearest = label;
  for (std::int64_t axis = 1; axis < label.dim(); ++axis) {
    const std::int64_t n = label.size(axis), m = logits.size(axis + 1);
    if (n == m) continue;
    const torch::Tensor i = torch::arange(m, torch::TensorOptions(torch::kLong).device(label.device()));
    nearest = nearest.index_select(axis, ((2 * i + 1) * n).floor_divide(2 * m));
  }
  return nearest.contiguous();
}

}  // namespace

Loss::Loss(LossOptions options) : options_(std::move(options)) {
  const auto& weights = options_.head_weights;
  const bool negative = std::ranges::any_of(weights, [](double w) { return !(w >= 0); });
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0) heads_ = i + 1;
  if (negative || heads_ == 0)
    throw Error("loss", "the heads' weights are negative or all 0", "give one that is above 0");
  if (options_.v2) check_v2_loss(*options_.v2);
}

torch::Tensor Loss::of_head(const torch::Tensor& logits, const torch::Tensor& label, const ProcessGroup* group) const {
  return options_.v2 ? v2_loss(logits, label, *options_.v2, group) : dice_ce_loss(logits, label, options_.focal, group);
}

torch::Tensor Loss::operator()(const std::vector<torch::Tensor>& heads, const torch::Tensor& label,
                               const ProcessGroup* group) const {
  const auto& weights = options_.head_weights;
  if (heads.size() > weights.size() || heads.size() < heads_)
    throw Error("loss", fmt::format("{} heads, weights for {}", heads.size(), weights.size()),
                "give each head a weight");
  torch::Tensor sum;
  for (std::size_t i = 0; i < heads_; ++i) {
    if (weights[i] == 0) continue;
    torch::Tensor loss = of_head(heads[i], nearest_label(label, heads[i]), group);
    if (weights[i] != 1) loss = loss * weights[i];
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum;
}

}  // namespace nnunet
