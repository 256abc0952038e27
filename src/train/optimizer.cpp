#include "nnunet/train/optimizer.h"

#include <fmt/format.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/kernels/adam.h"

namespace nnunet {

namespace {

using Tensors = std::vector<torch::Tensor>;

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

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
  for (const auto& tensor : tensors) list.emplace_back(tensor);
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
      if (list[i].as_tensor(key).sizes() != tensors[i].sizes()) return false;
    return true;
  };
  if (!fits())
    throw Error(source, fmt::format("the optimizer's \"{}\" belongs to another network", key),
                "start the training anew");
  for (std::size_t i = 0; i < list.size(); ++i) tensors[i].copy_(list[i].as_tensor(key));
}

/// Elements lie in the same order in memory.
bool same_layout(const torch::Tensor& a, const torch::Tensor& b) {
  for (std::int64_t axis = 0; axis < a.dim(); ++axis)
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

/// Two moments with bias correction; the step itself differs between RAdam and AdamW.
class Adam : public Optimizer {
 public:
  Adam(std::string name, const OptimizerOptions& options, Tensors parameters)
      : Optimizer(std::move(parameters), options.learning_rate),
        name_(std::move(name)),
        weight_decay_(options.weight_decay),
        exp_avg_(zeros_like(parameters_)),
        exp_avg_sq_(zeros_like(parameters_)) {}

  void step() final {
    const torch::NoGradGuard no_grad;
    const Active active(parameters_);
    ++step_;
    if (active.empty()) return;
    kernels::AdamStep plan = this->plan();
    plan.decay = 1 - learning_rate_ * weight_decay_;
    if (has_kernel(active)) {
      for (std::size_t i = 0; i < active.indices.size(); ++i)
        kernels::adam_step(active.parameters[i].mutable_data_ptr<float>(), active.gradients[i].const_data_ptr<float>(),
                           exp_avg_[active.indices[i]].mutable_data_ptr<float>(),
                           exp_avg_sq_[active.indices[i]].mutable_data_ptr<float>(), active.parameters[i].numel(),
                           plan);
    } else {
      plain_step(active, plan);
    }
  }

  Value state() const final {
    return Value::Dict{{"name", name_},
                       {"learning_rate", learning_rate_},
                       {"step", step_},
                       {"exp_avg", to_value(exp_avg_)},
                       {"exp_avg_sq", to_value(exp_avg_sq_)}};
  }

  void load_state(const Value& state, const std::string& source) final;

 protected:
  /// This step's rate, root and adaptive.
  virtual kernels::AdamStep plan() const = 0;
  /// 1 - beta^step.
  double correction(double beta) const { return 1 - std::pow(beta, static_cast<double>(step_)); }
  static kernels::AdamStep betas() {
    kernels::AdamStep step;
    step.beta1 = kBeta1;
    step.beta2 = kBeta2;
    step.epsilon = kEpsilon;
    return step;
  }
  std::int64_t step_ = 0;

 private:
  /// On the CPU, element i of parameter, gradient and moments belonging together.
  bool has_kernel(const Active& active) const {
    for (std::size_t i = 0; i < active.indices.size(); ++i) {
      const torch::Tensor& p = active.parameters[i];
      if (!p.is_non_overlapping_and_dense()) return false;
      for (const torch::Tensor& t :
           {p, active.gradients[i], exp_avg_[active.indices[i]], exp_avg_sq_[active.indices[i]]})
        if (!t.is_cpu() || t.scalar_type() != torch::kFloat || !same_layout(t, p)) return false;
    }
    return true;
  }

  void plain_step(const Active& active, const kernels::AdamStep& plan) {
    const Tensors mean = active.pick(exp_avg_), square = active.pick(exp_avg_sq_);
    at::_foreach_mul_(mean, kBeta1);
    at::_foreach_add_(mean, active.gradients, 1 - kBeta1);
    at::_foreach_mul_(square, kBeta2);
    at::_foreach_addcmul_(square, active.gradients, active.gradients, 1 - kBeta2);
    if (weight_decay_ != 0) at::_foreach_mul_(active.parameters, 1 - learning_rate_ * weight_decay_);
    if (!plan.adaptive) {
      at::_foreach_add_(active.parameters, mean, -plan.rate);
      return;
    }
    Tensors denominator = at::_foreach_sqrt(square);
    at::_foreach_div_(denominator, plan.root);
    at::_foreach_add_(denominator, kEpsilon);
    at::_foreach_addcdiv_(active.parameters, mean, denominator, -plan.rate);
  }

  std::string name_;
  double weight_decay_;
  Tensors exp_avg_, exp_avg_sq_;
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
  step_ = step;
  learning_rate_ = rate;
}

/// Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
class AdamW final : public Adam {
 public:
  AdamW(const OptimizerOptions& options, Tensors parameters) : Adam("adam", options, std::move(parameters)) {}

 private:
  kernels::AdamStep plan() const override {
    kernels::AdamStep step = betas();
    step.rate = learning_rate_ / correction(kBeta1);
    step.root = std::sqrt(correction(kBeta2));
    return step;
  }
};

/// Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.
class RAdam final : public Adam {
 public:
  RAdam(const OptimizerOptions& options, Tensors parameters) : Adam("radam", options, std::move(parameters)) {}

 private:
  kernels::AdamStep plan() const override {
    const double power = std::pow(kBeta2, static_cast<double>(step_));
    const double n_max = 2 / (1 - kBeta2) - 1;
    const double n = n_max - 2 * static_cast<double>(step_) * power / (1 - power);
    const double rate = learning_rate_ / correction(kBeta1);
    kernels::AdamStep step = betas();
    step.adaptive = n >= 5;  // else the variance is not yet known well enough
    const double rectification =
        step.adaptive ? std::sqrt((1 - power) * (n - 4) / (n_max - 4) * (n - 2) / n * n_max / (n_max - 2)) : 1;
    step.rate = rate * rectification;
    return step;
  }
};

/// Gradient descent with (heavy ball) momentum.
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, Tensors parameters)
      : Optimizer(std::move(parameters), options.learning_rate),
        momentum_(options.momentum),
        buffer_(zeros_like(parameters_)) {}

  void step() override {
    const torch::NoGradGuard no_grad;
    const Active active(parameters_);
    if (active.empty()) return;
    const Tensors buffer = active.pick(buffer_);
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
    learning_rate_ = rate;
  }

 private:
  double momentum_;
  Tensors buffer_;
};

}  // namespace

void Optimizer::zero_grad() {
  for (auto& parameter : parameters_) parameter.mutable_grad().reset();
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, Tensors parameters) {
  if (options.name == "radam") return std::make_unique<RAdam>(options, std::move(parameters));
  if (options.name == "adam") return std::make_unique<AdamW>(options, std::move(parameters));
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
