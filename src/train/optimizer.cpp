#include "nnunet/train/optimizer.h"

#include <fmt/format.h>

#include "adam.h"
#include "nnunet/core/error.h"
#include "parameter_lists.h"
#include "sgd.h"

namespace nnunet {

Optimizer::Optimizer(Tensors parameters, double learning_rate)
    : parameters_(std::move(parameters)), moved_(parameters_.size(), false), learning_rate_(learning_rate) {
  const torch::Device device = parameters_.empty() ? torch::Device(torch::kCPU) : parameters_.front().device();
  device_rate_ = torch::full({}, learning_rate, torch::TensorOptions(torch::kDouble).device(device));
}

void Optimizer::set_learning_rate(double rate) {
  learning_rate_ = rate;
  device_rate_.fill_(rate);
}

void Optimizer::zero_grad() {
  for (auto& parameter : parameters_) parameter.mutable_grad().reset();
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, Tensors parameters) {
  for (const std::string name : {"radam", "adam", "adamw_amsgrad", "adam_l2"})
    if (options.name == name) return make_adam(options, std::move(parameters));
  if (options.name == "sgd" || options.name == "nesterov") return make_sgd(options, std::move(parameters));
  throw Error("--optimizer", fmt::format("unknown optimizer \"{}\"", options.name), "choose radam, adam or sgd");
}

torch::Tensor clip_gradients(const Tensors& parameters, double max_norm) {
  const torch::NoGradGuard no_grad;
  const Tensors gradients = Active(parameters).gradients;
  if (gradients.empty()) return torch::zeros({});
  const torch::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
  const torch::Tensor factor = (max_norm / (norm + 1e-6)).clamp_max(1);
  at::_foreach_mul_(gradients, factor);
  return norm;
}

}  // namespace nnunet
