#include "nnunet/train/loss.h"

#include <fmt/format.h>

#include <numeric>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/kernels/segmentation_loss.h"
#include "nnunet/network/memory_format.h"

namespace nnunet {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

/// 1 - mean over the foreground classes of the soft Dice (Milletari et al., "V-Net", 3DV 2016), from sums over the
/// batch, (K) each.
torch::Tensor dice_loss(const torch::Tensor& intersection, const torch::Tensor& probability,
                        const torch::Tensor& label) {
  const torch::Tensor both = intersection.slice(0, 1), sizes = probability.slice(0, 1) + label.slice(0, 1);
  return 1 - ((2 * both + kSmoothing) / (sizes + kSmoothing)).mean();
}

/// Lin et al., "Focal loss for dense object detection", ICCV 2017, gamma 2: mean of -(1-p)^2 log p of the true class.
torch::Tensor focal_loss(const torch::Tensor& log_probabilities, const torch::Tensor& target) {
  const torch::Tensor log_p = log_probabilities.gather(1, target.unsqueeze(1));
  return -((1 - log_p.exp()).square() * log_p).mean();
}

kernels::LossShape shape_of(const torch::Tensor& logits) {
  const std::int64_t samples = logits.size(0), classes = logits.size(1);
  return {samples, classes, logits.numel() / (samples * classes), kernel_layout(logits)};
}

/// Calls with pointers of the kernels' element type.
template <class Call>
void with_type(const torch::Tensor& logits, const Call& call) {
  if (logits.scalar_type() == torch::kFloat)
    call(logits.const_data_ptr<float>());
  else
    call(reinterpret_cast<const kernels::Bfloat16*>(logits.const_data_ptr<c10::BFloat16>()));
}

/// The sums that the losses are made of, in one vector (3K+1): intersection, probability, label, second loss.
class Sums : public torch::autograd::Function<Sums> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& logits, const torch::Tensor& label,
                               bool focal) {
    const torch::Tensor input = dense(logits), target = label.contiguous();
    kernels::LossSums s;
    with_type(input, [&](const auto* data) {
      s = kernels::loss_forward(data, target.const_data_ptr<std::uint8_t>(), shape_of(input), focal);
    });
    if (std::accumulate(s.label.begin(), s.label.end(), 0.0) < static_cast<double>(target.numel()))
      throw Error("loss", fmt::format("a label is not one of the {} classes", logits.size(1)),
                  "check the labels of the dataset and \"n_class\" in config.json");
    context->save_for_backward({input, target});
    context->saved_data["focal"] = focal;
    std::vector<double> all = s.intersection;
    all.insert(all.end(), s.probability.begin(), s.probability.end());
    all.insert(all.end(), s.label.begin(), s.label.end());
    all.push_back(s.loss);
    return torch::tensor(all, torch::kDouble).to(torch::kFloat);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& logits = saved[0];
    const torch::Tensor by_sum = gradients[0].contiguous(), result = torch::empty_like(logits);
    const float* const by = by_sum.const_data_ptr<float>();
    const std::int64_t classes = logits.size(1);
    with_type(logits, [&](const auto* data) {
      using T = std::remove_const_t<std::remove_pointer_t<decltype(data)>>;
      kernels::loss_backward(data, saved[1].const_data_ptr<std::uint8_t>(), static_cast<T*>(result.mutable_data_ptr()),
                             shape_of(logits), context->saved_data["focal"].toBool(), by, by + classes,
                             by[3 * classes]);
    });
    return {result, torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor plain_dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  check(logits, label);
  const std::int64_t classes = logits.size(1);
  const torch::Tensor target = label.to(torch::kLong).flatten(1);
  const torch::Tensor log_p = at::log_softmax(logits.to(torch::kFloat).flatten(2), 1), p = log_p.exp();
  const torch::Tensor second = focal ? focal_loss(log_p, target) : at::nll_loss_nd(log_p, target);
  const torch::Tensor numbers = torch::arange(classes, target.options()).view({1, classes, 1});
  const torch::Tensor is_class = target.unsqueeze(1) == numbers;
  return dice_loss((p * is_class).sum({0, 2}), p.sum({0, 2}), is_class.sum({0, 2})) + second;
}

torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  const auto type = logits.scalar_type();
  if (!logits.is_cpu() || (type != torch::kFloat && type != torch::kBFloat16) || label.scalar_type() != torch::kByte)
    return plain_dice_ce_loss(logits, label, focal);
  check(logits, label);
  const std::int64_t classes = logits.size(1), voxels = label.numel();
  const torch::Tensor sums = Sums::apply(logits, label, focal);
  const torch::Tensor counts = sums.slice(0, 2 * classes, 3 * classes).detach();
  return dice_loss(sums.slice(0, 0, classes), sums.slice(0, classes, 2 * classes), counts) +
         sums[3 * classes] / static_cast<double>(voxels);
}

}  // namespace nnunet
