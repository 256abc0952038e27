#include "nnunet/train/loss.h"

#include <fmt/format.h>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {

namespace {

constexpr double kSmoothing = 1e-5;

void check(const torch::Tensor& logits, const torch::Tensor& label) {
  bool fits =
      logits.dim() >= 3 && logits.size(1) >= 2 && label.dim() == logits.dim() - 1 && logits.size(0) == label.size(0);
  for (std::int64_t axis = 1; fits && axis < label.dim(); ++axis) fits = label.size(axis) == logits.size(axis + 1);
  if (!fits)
    throw Error("loss",
                fmt::format("logits {} do not fit labels {}", shape_text(logits.sizes()), shape_text(label.sizes())),
                "give logits (N,K,spatial) with K >= 2 and labels (N,spatial)");
}

/// 1 - mean over the foreground classes of the soft Dice (Milletari et al., "V-Net", 3DV 2016), sums over the batch.
/// probabilities (N,K,V), target (N,V) int64.
torch::Tensor dice_loss(const torch::Tensor& probabilities, const torch::Tensor& target) {
  const std::int64_t classes = probabilities.size(1);
  const torch::Tensor foreground = probabilities.slice(1, 1);
  const torch::Tensor numbers = torch::arange(1, classes, target.options()).view({1, classes - 1, 1});
  const torch::Tensor is_class = target.unsqueeze(1) == numbers;
  const torch::Tensor both = (foreground * is_class).sum({0, 2});
  const torch::Tensor sizes = foreground.sum({0, 2}) + is_class.sum({0, 2});
  return 1 - ((2 * both + kSmoothing) / (sizes + kSmoothing)).mean();
}

/// Lin et al., "Focal loss for dense object detection", ICCV 2017, gamma 2: mean of -(1-p)^2 log p of the true class.
torch::Tensor focal_loss(const torch::Tensor& log_probabilities, const torch::Tensor& target) {
  const torch::Tensor log_p = log_probabilities.gather(1, target.unsqueeze(1));
  return -((1 - log_p.exp()).square() * log_p).mean();
}

}  // namespace

torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  check(logits, label);
  const torch::Tensor target = label.to(torch::kLong).flatten(1);
  const torch::Tensor log_p = at::log_softmax(logits.to(torch::kFloat).flatten(2), 1);
  const torch::Tensor second = focal ? focal_loss(log_p, target) : at::nll_loss_nd(log_p, target);
  return dice_loss(log_p.exp(), target) + second;
}

}  // namespace nnunet
