#include "nnunet/train/optimizer.h"

#include <fmt/format.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/kernels/adam.h"
#include "nnunet/torch_bridge/tensors.h"
#include "optimizer_cuda.h"

namespace nnunet {

namespace {

using Tensors = std::vector<torch::Tensor>;

/// Parameters that have a gradient, and what belongs to them.
struct Active {
  Tensors parameters, gradients;
  std::vector<std::size_t> indices;

  explicit Active(const Tensors& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].grad().defined()) continue;
      parameters.push_back(all[i]);
      gradients.push_back(all[i].grad());
      indices.push_back(i);
    }
  }
  bool empty() const { return indices.empty(); }
  Tensors pick(const Tensors& all) const {
    Tensors picked;
    for (const auto i : indices) picked.push_back(all[i]);
    return picked;
  }
};

Tensors zeros_like(const Tensors& tensors) {
  Tensors zeros;
  for (const auto& tensor : tensors) zeros.push_back(torch::zeros_like(tensor, torch::MemoryFormat::Preserve).detach());
  return zeros;
}

Value to_value(const Tensors& tensors) {
  Value::List list;
  for (const auto& tensor : tensors) list.emplace_back(from_torch(tensor));
  return list;
}

const Value& entry(const Value& state, const std::string& key, const std::string& source) {
  const Value* const found = state.find(key);
  if (found == nullptr)
    throw Error(source, fmt::format("the optimizer's \"{}\" is missing", key), "start the training anew");
  return *found;
}

/// Copies a saved list into tensors of the same shapes.
void restore(Tensors& tensors, const Value& state, const std::string& key, const std::string& source) {
  const Value::List& list = entry(state, key, source).as_list(key);
  const auto fits = [&] {
    if (list.size() != tensors.size()) return false;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (torch::IntArrayRef(list[i].as_tensor(key).sizes) != tensors[i].sizes()) return false;
    return true;
  };
  if (!fits())
    throw Error(source, fmt::format("the optimizer's \"{}\" belongs to another network", key),
                "start the training anew");
  for (std::size_t i = 0; i < list.size(); ++i) tensors[i].copy_(torch_tensor(list[i], key));
}

/// Elements lie in the same order in memory.
bool same_layout(const torch::Tensor& a, const torch::Tensor& b) {
  for (std::int64_t axis = 0; axis < a.dim(); ++axis)
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

/// All of float32 on this kind of device, element i of parameter, gradient and moments belonging together.
bool fit_kernel(const Active& active, const std::vector<Tensors>& moments, torch::DeviceType device) {
  for (std::size_t i = 0; i < active.indices.size(); ++i) {
    const torch::Tensor& p = active.parameters[i];
    if (!p.is_non_overlapping_and_dense()) return false;
    Tensors all{p, active.gradients[i]};
    for (const Tensors& m : moments) all.push_back(m[i]);
    for (const torch::Tensor& t : all)
      if (t.device().type() != device || t.scalar_type() != torch::kFloat || !same_layout(t, p)) return false;
  }
  return true;
}

/// Waits for the device.
bool is_set(const torch::Tensor& found_inf) {
  return found_inf.defined() && found_inf.item<float>() != 0;
}

/// Where steps are counted: where the kernel that takes the step looks.
torch::Device counter_device([[maybe_unused]] torch::Device parameters) {
#ifdef NNUNET_CUDA
  return parameters;
#else
  return torch::kCPU;
#endif
}

/// RAdam and AdamW: two moments with bias correction.
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, bool rectified, Tensors parameters)
      : Optimizer(std::move(parameters), options.learning_rate),
        name_(options.name),
        exp_avg_(zeros_like(parameters_)),
        exp_avg_sq_(zeros_like(parameters_)),
        step_(torch::zeros({}, torch::TensorOptions(torch::kLong).device(counter_device(device_rate_.device())))) {
    rule_.weight_decay = options.weight_decay;
    rule_.rectified = rectified;
  }

  void step(const torch::Tensor& found_inf) override {
    const torch::NoGradGuard no_grad;
    const Active active(parameters_);
    const Tensors mean = active.pick(exp_avg_), square = active.pick(exp_avg_sq_);
#ifdef NNUNET_CUDA
    if (fit_kernel(active, {mean, square}, torch::kCUDA))
      return cuda_adam_step(rule_, {active.parameters, active.gradients, mean, square, device_rate_, step_, found_inf});
#endif
    if (is_set(found_inf)) return;
    step_.add_(1);
    const kernels::AdamStep plan = kernels::adam_step_of(rule_, step_.item<std::int64_t>(), learning_rate_);
    if (!fit_kernel(active, {mean, square}, torch::kCPU)) return plain_step(active, mean, square, plan);
    for (std::size_t i = 0; i < active.indices.size(); ++i) {
      kernels::adam_step(active.parameters[i].mutable_data_ptr<float>(), active.gradients[i].const_data_ptr<float>(),
                         mean[i].mutable_data_ptr<float>(), square[i].mutable_data_ptr<float>(),
                         active.parameters[i].numel(), plan);
      active.parameters[i].unsafeGetTensorImpl()->bump_version();  // as torch's operators do: copies of it are stale
    }
  }

  Value state() const override {
    return Value::Dict{{"name", name_},
                       {"learning_rate", learning_rate_},
                       {"step", step_.item<std::int64_t>()},
                       {"exp_avg", to_value(exp_avg_)},
                       {"exp_avg_sq", to_value(exp_avg_sq_)}};
  }

  void load_state(const Value& state, const std::string& source) override;

 private:
  void plain_step(const Active& active, const Tensors& mean, const Tensors& square, const kernels::AdamStep& plan) {
    if (active.empty()) return;
    at::_foreach_mul_(mean, plan.beta1);
    at::_foreach_add_(mean, active.gradients, 1 - plan.beta1);
    at::_foreach_mul_(square, plan.beta2);
    at::_foreach_addcmul_(square, active.gradients, active.gradients, 1 - plan.beta2);
    if (plan.decay != 1) at::_foreach_mul_(active.parameters, plan.decay);
    if (!plan.adaptive) {
      at::_foreach_add_(active.parameters, mean, -plan.rate);
      return;
    }
    Tensors denominator = at::_foreach_sqrt(square);
    at::_foreach_div_(denominator, plan.root);
    at::_foreach_add_(denominator, plan.epsilon);
    at::_foreach_addcdiv_(active.parameters, mean, denominator, -plan.rate);
  }

  std::string name_;
  kernels::AdamRule rule_;
  Tensors exp_avg_, exp_avg_sq_;
  torch::Tensor step_;  ///< steps taken, int64
};

void check_name(const Value& state, const std::string& name, const std::string& source) {
  const std::string& saved = entry(state, "name", source).as_string("name");
  if (saved != name)
    throw Error(source, fmt::format("it was trained with --optimizer {}, not {}", saved, name),
                "give the same --optimizer");
}

void Adam::load_state(const Value& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  check_name(state, name_, source);
  const std::int64_t step = entry(state, "step", source).as_int("step");
  const double rate = entry(state, "learning_rate", source).as_double("learning_rate");
  restore(exp_avg_, state, "exp_avg", source);
  restore(exp_avg_sq_, state, "exp_avg_sq", source);
  step_.fill_(step);
  set_learning_rate(rate);
}

/// Gradient descent with (heavy ball) momentum.
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, Tensors parameters)
      : Optimizer(std::move(parameters), options.learning_rate),
        momentum_(options.momentum),
        buffer_(zeros_like(parameters_)) {}

  void step(const torch::Tensor& found_inf) override {
    const torch::NoGradGuard no_grad;
    const Active active(parameters_);
    if (active.empty()) return;
    const Tensors buffer = active.pick(buffer_);
#ifdef NNUNET_CUDA
    if (fit_kernel(active, {buffer}, torch::kCUDA))
      return cuda_sgd_step(momentum_, {active.parameters, active.gradients, buffer, {}, device_rate_, {}, found_inf});
#endif
    if (is_set(found_inf)) return;
    at::_foreach_mul_(buffer, momentum_);
    at::_foreach_add_(buffer, active.gradients);
    at::_foreach_add_(active.parameters, buffer, -learning_rate_);
  }

  Value state() const override {
    return Value::Dict{
        {"name", std::string("sgd")}, {"learning_rate", learning_rate_}, {"momentum_buffer", to_value(buffer_)}};
  }

  void load_state(const Value& state, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    check_name(state, "sgd", source);
    const double rate = entry(state, "learning_rate", source).as_double("learning_rate");
    restore(buffer_, state, "momentum_buffer", source);
    set_learning_rate(rate);
  }

 private:
  double momentum_;
  Tensors buffer_;
};

}  // namespace

Optimizer::Optimizer(Tensors parameters, double learning_rate)
    : parameters_(std::move(parameters)), learning_rate_(learning_rate) {
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
  if (options.name == "radam" || options.name == "adam")
    return std::make_unique<Adam>(options, options.name == "radam", std::move(parameters));
  if (options.name == "sgd") return std::make_unique<Sgd>(options, std::move(parameters));
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
