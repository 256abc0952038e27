#include "adam.h"

#include "nnunet/core/error.h"
#include "nnunet/kernels/adam.h"
#include "optimizer_cuda.h"
#include "parameter_lists.h"

namespace nnunet {

namespace {

/// Where steps are counted: where the kernel that takes the step looks.
torch::Device counter_device([[maybe_unused]] torch::Device parameters) {
#ifdef NNUNET_CUDA
  return parameters;
#else
  return torch::kCPU;
#endif
}

/// RAdam, AdamW, with or without AMSGrad, and Adam: two moments with bias correction.
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, Tensors parameters)
      : Optimizer(std::move(parameters), options.learning_rate),
        name_(options.name),
        exp_avg_(zeros_like(parameters_)),
        exp_avg_sq_(zeros_like(parameters_)),
        step_(torch::zeros({}, torch::TensorOptions(torch::kLong).device(counter_device(device_rate_.device())))) {
    rule_.weight_decay = options.weight_decay;
    rule_.rectified = name_ == "radam";
    rule_.coupled = name_ == "adam_l2";
    if (name_ == "adamw_amsgrad") max_exp_avg_sq_ = zeros_like(parameters_);
  }

  void step(const torch::Tensor& found_inf) override {
    const torch::NoGradGuard no_grad;
    const Active active(parameters_);
    mark(moved_, active);
    const Tensors mean = active.pick(exp_avg_), square = active.pick(exp_avg_sq_),
                  largest = amsgrad() ? active.pick(max_exp_avg_sq_) : Tensors();
#ifdef NNUNET_CUDA
    if (!amsgrad() && fit_kernel(active, {mean, square}, torch::kCUDA))
      return cuda_adam_step(rule_, {active.parameters, active.gradients, mean, square, device_rate_, step_, found_inf});
#endif
    if (is_set(found_inf)) return;
    step_.add_(1);
    const kernels::AdamStep plan = kernels::adam_step_of(rule_, step_.item<std::int64_t>(), learning_rate_);
    if (!fit_kernel(active, {mean, square}, torch::kCPU)) return plain_step(active, mean, square, largest, plan);
    for (std::size_t i = 0; i < active.indices.size(); ++i) {
      kernels::adam_step(active.parameters[i].mutable_data_ptr<float>(), active.gradients[i].const_data_ptr<float>(),
                         mean[i].mutable_data_ptr<float>(), square[i].mutable_data_ptr<float>(),
                         active.parameters[i].numel(), plan,
                         amsgrad() ? largest[i].mutable_data_ptr<float>() : nullptr);
      active.parameters[i].unsafeGetTensorImpl()->bump_version();  // as torch's operators do: copies of it are stale
    }
  }

  std::string name() const override {
    return name_;
  }

  Value state() const override {
    Value::Dict state{{"name", name_},
                      {"learning_rate", learning_rate_},
                      {"step", step_.item<std::int64_t>()},
                      {"exp_avg", to_value(exp_avg_)},
                      {"exp_avg_sq", to_value(exp_avg_sq_)}};
    if (amsgrad()) state.emplace_back("max_exp_avg_sq", to_value(max_exp_avg_sq_));
    add_moved(state, moved_);
    return state;
  }

  void load_state(const Value& state, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    check_name(state, name_, source);
    const std::int64_t step = state_entry(state, "step", source).as_int("step");
    const double rate = state_entry(state, "learning_rate", source).as_double("learning_rate");
    restore(exp_avg_, state, "exp_avg", source);
    restore(exp_avg_sq_, state, "exp_avg_sq", source);
    if (amsgrad()) restore(max_exp_avg_sq_, state, "max_exp_avg_sq", source);
    restore_moved(moved_, state, source);
    step_.fill_(step);
    set_learning_rate(rate);
  }

  std::vector<ParameterState> parameter_states() const override {
    std::vector<ParameterState> states;
    const torch::Tensor step = step_.to(torch::kCPU, torch::kFloat);
    for (std::size_t i = 0; i < exp_avg_.size(); ++i) {
      if (!moved_[i]) continue;
      states.push_back({i, {{"step", step.clone()}, {"exp_avg", exp_avg_[i]}, {"exp_avg_sq", exp_avg_sq_[i]}}});
      if (amsgrad()) states.back().tensors.emplace_back("max_exp_avg_sq", max_exp_avg_sq_[i]);
    }
    return states;
  }

  void load_parameter_states(const std::vector<ParameterState>& states, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    std::int64_t step = 0;
    for (std::size_t i = 0; i < states.size(); ++i) {
      const auto steps = static_cast<std::int64_t>(state_tensor(states[i], "step", source).item<double>());
      if (i > 0 && steps != step)
        throw Error(source, "its parameters have taken different numbers of the optimizer's steps",
                    "start the training anew");
      step = steps;
    }
    NamedLists lists{{"exp_avg", &exp_avg_}, {"exp_avg_sq", &exp_avg_sq_}};
    if (amsgrad()) lists.emplace_back("max_exp_avg_sq", &max_exp_avg_sq_);
    restore(lists, states, moved_, source);
    step_.fill_(step);
  }

 private:
  bool amsgrad() const {
    return !max_exp_avg_sq_.empty();
  }

  void plain_step(const Active& active, const Tensors& mean, const Tensors& square, const Tensors& largest,
                  const kernels::AdamStep& plan) {
    if (active.empty()) return;
    const Tensors gradients =
        plan.l2 == 0 ? active.gradients : at::_foreach_add(active.gradients, active.parameters, plan.l2);
    at::_foreach_mul_(mean, plan.beta1);
    at::_foreach_add_(mean, gradients, 1 - plan.beta1);
    at::_foreach_mul_(square, plan.beta2);
    at::_foreach_addcmul_(square, gradients, gradients, 1 - plan.beta2);
    if (plan.decay != 1) at::_foreach_mul_(active.parameters, plan.decay);
    if (!plan.adaptive) {
      at::_foreach_add_(active.parameters, mean, -plan.rate);
      return;
    }
    if (amsgrad()) at::_foreach_maximum_(largest, square);
    Tensors denominator = at::_foreach_sqrt(amsgrad() ? largest : square);
    at::_foreach_div_(denominator, plan.root);
    at::_foreach_add_(denominator, plan.epsilon);
    at::_foreach_addcdiv_(active.parameters, mean, denominator, -plan.rate);
  }

  std::string name_;
  kernels::AdamRule rule_;
  Tensors exp_avg_, exp_avg_sq_, max_exp_avg_sq_;  ///< the last one: empty without AMSGrad
  torch::Tensor step_;                             ///< steps taken, int64
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options, Tensors parameters) {
  return std::make_unique<Adam>(options, std::move(parameters));
}

}  // namespace nnunet
