#include "nnunet/network/recompute.h"

#include <ATen/autocast_mode.h>

namespace nnunet {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Mixed precision as it was in the forward, for the lifetime of this.
class AutocastAsBefore {
 public:
  AutocastAsBefore(torch::DeviceType device, bool enabled, torch::ScalarType type)
      : device_(device),
        former_(at::autocast::is_autocast_enabled(device)),
        former_type_(at::autocast::get_autocast_dtype(device)) {
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, type);
    at::autocast::increment_nesting();
  }
  ~AutocastAsBefore() {
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, former_);
    at::autocast::set_autocast_dtype(device_, former_type_);
  }
  AutocastAsBefore(const AutocastAsBefore&) = delete;
  AutocastAsBefore& operator=(const AutocastAsBefore&) = delete;

 private:
  torch::DeviceType device_;
  bool former_;
  torch::ScalarType former_type_;
};

/// What the backward needs to run the part again.
struct Again : torch::CustomClassHolder {
  Part part;
  std::vector<torch::Tensor> buffers;
  std::size_t inputs = 0;
  torch::DeviceType device = torch::kCPU;
  bool autocast = false;
  torch::ScalarType type = torch::kFloat;

  /// Output and the tensors to differentiate by: the inputs anew, then the parameters.
  torch::Tensor run(variable_list& variables) const {
    const torch::AutoGradMode with_gradients(true);
    const AutocastAsBefore as_before(device, autocast, type);
    variable_list fresh;
    for (std::size_t i = 0; i < inputs; ++i) {
      const bool wanted = variables[i].requires_grad();
      variables[i] = variables[i].detach().requires_grad_(wanted);
      fresh.push_back(variables[i]);
    }
    return part(fresh);
  }
};

/// Buffers of a part, put back when this goes: the forward has updated running statistics already.
class KeptBuffers {
 public:
  explicit KeptBuffers(const std::vector<torch::Tensor>& buffers) : buffers_(buffers) {
    for (const auto& b : buffers_) kept_.push_back(b.clone());
  }
  ~KeptBuffers() {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(kept_[i]);
  }
  KeptBuffers(const KeptBuffers&) = delete;
  KeptBuffers& operator=(const KeptBuffers&) = delete;

 private:
  std::vector<torch::Tensor> buffers_, kept_;
};

class Recompute : public torch::autograd::Function<Recompute> {
 public:
  /// variables: inputs, then parameters.
  static torch::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Again>& again,
                               at::TensorList variables) {
    const torch::Tensor output = again->part(variables.slice(0, again->inputs).vec());
    context->save_for_backward(variables.vec());
    context->saved_data["again"] = c10::IValue::make_capsule(again);
    return output;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto again = c10::static_intrusive_pointer_cast<Again>(context->saved_data["again"].toCapsule());
    const KeptBuffers kept(again->buffers);
    variable_list variables = context->get_saved_variables();
    const torch::Tensor output = again->run(variables);
    variable_list wanted;
    for (const auto& v : variables)
      if (v.requires_grad()) wanted.push_back(v);
    const variable_list found = torch::autograd::grad({output}, wanted, {gradients[0]}, {}, false, true);
    variable_list result{torch::Tensor()};  // the first argument has no gradient
    std::size_t next = 0;
    for (const auto& v : variables) result.push_back(v.requires_grad() ? found[next++] : torch::Tensor());
    return result;
  }
};

}  // namespace

torch::Tensor recomputed(const Part& part, const std::vector<torch::Tensor>& parameters,
                         const std::vector<torch::Tensor>& buffers, const std::vector<torch::Tensor>& inputs) {
  if (!torch::GradMode::is_enabled()) return part(inputs);
  const auto again = c10::make_intrusive<Again>();
  again->part = part;
  again->buffers = buffers;
  again->inputs = inputs.size();
  again->device = inputs.front().device().type();
  again->autocast = at::autocast::is_autocast_enabled(again->device);
  again->type = at::autocast::get_autocast_dtype(again->device);
  variable_list variables = inputs;
  variables.insert(variables.end(), parameters.begin(), parameters.end());
  return Recompute::apply(again, at::TensorList(variables));  // a vector would pass as no tensors
}

}  // namespace nnunet
