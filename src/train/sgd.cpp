#include "sgd.h"

#include "optimizer_cuda.h"
#include "parameter_lists.h"

namespace nnunet {

namespace {

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

  std::string name() const override {
    return "sgd";
  }

  Value state() const override {
    return Value::Dict{{"name", name()}, {"learning_rate", learning_rate_}, {"momentum_buffer", to_value(buffer_)}};
  }

  void load_state(const Value& state, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    check_name(state, name(), source);
    const double rate = state_entry(state, "learning_rate", source).as_double("learning_rate");
    restore(buffer_, state, "momentum_buffer", source);
    set_learning_rate(rate);
  }

 private:
  double momentum_;
  Tensors buffer_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, Tensors parameters) {
  return std::make_unique<Sgd>(options, std::move(parameters));
}

}  // namespace nnunet
