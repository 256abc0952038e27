#include "adam.h"

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

  std::string name() const override {
    return name_;
  }

  Value state() const override {
    return Value::Dict{{"name", name_},
                       {"learning_rate", learning_rate_},
                       {"step", step_.item<std::int64_t>()},
                       {"exp_avg", to_value(exp_avg_)},
                       {"exp_avg_sq", to_value(exp_avg_sq_)}};
  }

  void load_state(const Value& state, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    check_name(state, name_, source);
    const std::int64_t step = state_entry(state, "step", source).as_int("step");
    const double rate = state_entry(state, "learning_rate", source).as_double("learning_rate");
    restore(exp_avg_, state, "exp_avg", source);
    restore(exp_avg_sq_, state, "exp_avg_sq", source);
    step_.fill_(step);
    set_learning_rate(rate);
  }

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

}  // namespace

std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options, bool rectified, Tensors parameters) {
  return std::make_unique<Adam>(options, rectified, std::move(parameters));
}

}  // namespace nnunet
