#include "sgd.h"

#include "nnunet/kernels/sgd.h"
#include "optimizer_cuda.h"
#include "parameter_lists.h"

namespace nnunet {

namespace {

/// Gradient descent with heavy ball momentum, or with Nesterov's and weight decay.
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, Tensors parameters)
      : Optimizer(std::move(parameters), options.learning_rate), name_(options.name), buffer_(zeros_like(parameters_)) {
    rule_.momentum = options.momentum;
    rule_.nesterov = options.name == "nesterov";
    if (rule_.nesterov) rule_.weight_decay = options.weight_decay;
  }

  void step(const torch::Tensor& found_inf) override {
    const torch::NoGradGuard no_grad;
    const Active active(parameters_);
    if (active.empty()) return;
    mark(moved_, active);
    const Tensors buffer = active.pick(buffer_);
#ifdef NNUNET_CUDA
    if (fit_kernel(active, {buffer}, torch::kCUDA))
      return cuda_sgd_step(rule_, {active.parameters, active.gradients, buffer, {}, device_rate_, {}, found_inf});
#endif
    if (is_set(found_inf)) return;
    if (!fit_kernel(active, {buffer}, torch::kCPU)) return plain_step(active, buffer);
    for (std::size_t i = 0; i < active.indices.size(); ++i) {
      kernels::sgd_step(active.parameters[i].mutable_data_ptr<float>(), active.gradients[i].const_data_ptr<float>(),
                        buffer[i].mutable_data_ptr<float>(), active.parameters[i].numel(), rule_, learning_rate_);
      active.parameters[i].unsafeGetTensorImpl()->bump_version();  // as torch's operators do: copies of it are stale
    }
  }

  std::string name() const override {
    return name_;
  }

  Value state() const override {
    Value::Dict state{{"name", name_}, {"learning_rate", learning_rate_}, {"momentum_buffer", to_value(buffer_)}};
    add_moved(state, moved_);
    return state;
  }

  void load_state(const Value& state, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    check_name(state, name_, source);
    const double rate = state_entry(state, "learning_rate", source).as_double("learning_rate");
    restore_moved(moved_, state, source);
    restore(buffer_, state, "momentum_buffer", source);
    set_learning_rate(rate);
  }

  std::vector<ParameterState> parameter_states() const override {
    std::vector<ParameterState> states;
    for (std::size_t i = 0; i < buffer_.size(); ++i)
      if (moved_[i]) states.push_back({i, {{"momentum_buffer", buffer_[i]}}});
    return states;
  }

  void load_parameter_states(const std::vector<ParameterState>& states, const std::string& source) override {
    const torch::NoGradGuard no_grad;
    restore({{"momentum_buffer", &buffer_}}, states, moved_, source);
  }

 private:
  void plain_step(const Active& active, const Tensors& buffer) const {
    const Tensors gradients = rule_.weight_decay == 0
                                  ? active.gradients
                                  : at::_foreach_add(active.gradients, active.parameters, rule_.weight_decay);
    at::_foreach_mul_(buffer, rule_.momentum);
    at::_foreach_add_(buffer, gradients);
    const Tensors move = rule_.nesterov ? at::_foreach_add(gradients, buffer, rule_.momentum) : buffer;
    at::_foreach_add_(active.parameters, move, -learning_rate_);
  }

  std::string name_;
  kernels::SgdRule rule_;
  Tensors buffer_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, Tensors parameters) {
  return std::make_unique<Sgd>(options, std::move(parameters));
}

}  // namespace nnunet
