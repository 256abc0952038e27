#include "nnunet/train/loss.h"

#include <fmt/format.h>

#include <numeric>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/kernels/segmentation_loss.h"
#include "nnunet/network/kernel_call.h"
#include "nnunet/network/memory_format.h"

#ifdef NNUNET_CUDA
#include "nnunet/kernels/cuda.h"
#endif

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

/// The losses' sums, (3K+1) float: intersection, probability, label, second loss.
torch::Tensor sums_of(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  kernels::LossSums s;
  for_kernel_type(logits, [&](auto type) {
    using T = decltype(type);
    if constexpr (on_cpu<T>)
      s = kernels::loss_forward(kernel_const_data<T>(logits), label.const_data_ptr<std::uint8_t>(), shape_of(logits),
                                focal)
              .over_samples(logits.size(1));
  });
  if (std::accumulate(s.label.begin(), s.label.end(), 0.0) < static_cast<double>(label.numel()))
    throw Error("loss", fmt::format("a label is not one of the {} classes", logits.size(1)),
                "check the labels of the dataset and \"n_class\" in config.json");
  std::vector<double> all = s.intersection;
  all.insert(all.end(), s.probability.begin(), s.probability.end());
  all.insert(all.end(), s.label.begin(), s.label.end());
  all.push_back(s.loss);
  return torch::tensor(all, torch::kDouble).to(torch::kFloat);
}

/// The logits' gradient from the sums'.
void gradient_into(const torch::Tensor& logits, const torch::Tensor& label, const torch::Tensor& by_sums, bool focal,
                   const torch::Tensor& result) {
  const float* const by = by_sums.const_data_ptr<float>();
  const std::int64_t classes = logits.size(1);
  for_kernel_type(logits, [&](auto type) {
    using T = decltype(type);
    if constexpr (on_cpu<T>)
      kernels::loss_backward(kernel_const_data<T>(logits), label.const_data_ptr<std::uint8_t>(), kernel_data<T>(result),
                             shape_of(logits), focal, {by, by + classes, 0, by[3 * classes]});
  });
}

#ifdef NNUNET_CUDA
torch::Tensor cuda_sums_of(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  const CudaCall call(logits);
  const kernels::LossShape shape = shape_of(logits);
  const torch::Tensor room = call.workspace(kernels::cuda::loss_workspace(shape), logits);
  const torch::Tensor sums =
      torch::empty({3 * shape.classes + 1}, torch::TensorOptions(torch::kFloat).device(logits.device()));
  for_kernel_type(logits, [&](auto type) {
    kernels::cuda::loss_forward(kernel_const_data<decltype(type)>(logits), label.const_data_ptr<std::uint8_t>(),
                                sums.mutable_data_ptr<float>(), shape, focal, room.mutable_data_ptr(), call.stream());
  });
  return sums;
}

void cuda_gradient_into(const torch::Tensor& logits, const torch::Tensor& label, const torch::Tensor& by_sums,
                        bool focal, const torch::Tensor& result) {
  const CudaCall call(logits);
  for_kernel_type(logits, [&](auto type) {
    using T = decltype(type);
    kernels::cuda::loss_backward(kernel_const_data<T>(logits), label.const_data_ptr<std::uint8_t>(),
                                 by_sums.const_data_ptr<float>(), kernel_data<T>(result), shape_of(logits), focal,
                                 call.stream());
  });
}
#endif

/// The sums with their gradient.
class Sums : public torch::autograd::Function<Sums> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& logits, const torch::Tensor& label,
                               bool focal) {
    const torch::Tensor input = dense(logits), target = label.contiguous();
    context->save_for_backward({input, target});
    context->saved_data["focal"] = focal;
#ifdef NNUNET_CUDA
    if (input.is_cuda()) return cuda_sums_of(input, target, focal);
#endif
    return sums_of(input, target, focal);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &logits = saved[0], &label = saved[1];
    const torch::Tensor by_sums = gradients[0].contiguous(), result = torch::empty_like(logits);
    const bool focal = context->saved_data["focal"].toBool();
#ifdef NNUNET_CUDA
    if (logits.is_cuda())
      cuda_gradient_into(logits, label, by_sums, focal, result);
    else
#endif
      gradient_into(logits, label, by_sums, focal, result);
    return {result, torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor plain_dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  check(logits, label);
  const std::int64_t classes = logits.size(1);
  const torch::Tensor target = label.to(torch::kLong).flatten(1);
  const auto type = logits.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
  const torch::Tensor log_p = at::log_softmax(logits.to(type).flatten(2), 1), p = log_p.exp();
  const torch::Tensor second = focal ? focal_loss(log_p, target) : at::nll_loss_nd(log_p, target);
  const torch::Tensor numbers = torch::arange(classes, target.options()).view({1, classes, 1});
  const torch::Tensor is_class = target.unsqueeze(1) == numbers;
  const std::vector<std::int64_t> axes{0, 2};  // a bare {0, 2} could be names, too, for torch 2.11
  return dice_loss((p * is_class).sum(axes), p.sum(axes), is_class.sum(axes)) + second;
}

torch::Tensor dice_ce_loss(const torch::Tensor& logits, const torch::Tensor& label, bool focal,
                           const ProcessGroup* group) {
  if (!has_kernel_type(logits) || label.scalar_type() != torch::kByte || label.device() != logits.device()) {
    if (group != nullptr && !group->alone())
      throw Error("loss", "several processes take float32, bfloat16 or float16 logits and uint8 labels");
    return plain_dice_ce_loss(logits, label, focal);
  }
  check(logits, label);
  const std::int64_t classes = logits.size(1), voxels = label.numel() * (group == nullptr ? 1 : group->size());
  torch::Tensor sums = Sums::apply(logits, label, focal);
  if (group != nullptr) sums = global_sum(*group, sums);
  const torch::Tensor counts = sums.slice(0, 2 * classes, 3 * classes).detach();
  return dice_loss(sums.slice(0, 0, classes), sums.slice(0, classes, 2 * classes), counts) +
         sums[3 * classes] / static_cast<double>(voxels);
}

}  // namespace nnunet
