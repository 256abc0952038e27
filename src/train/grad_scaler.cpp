#include "nnunet/train/grad_scaler.h"

#include "nnunet/core/error.h"

namespace nnunet {

namespace {
constexpr std::int64_t growth_interval = 2000;
}

bool GradScaler::unscale(const std::vector<torch::Tensor>& parameters) {
  if (!enabled_) return true;
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const auto& p : parameters)
    if (p.grad().defined()) gradients.push_back(p.grad());
  if (gradients.empty()) return true;
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(gradients.front().device());
  torch::Tensor found_inf = torch::zeros({1}, options);
  const torch::Tensor inverse = torch::full({1}, 1.0 / scale_, options);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf, inverse);
  return found_inf.item<float>() == 0.0F;
}

void GradScaler::update(bool finite) {
  if (!enabled_) return;
  if (!finite) {
    scale_ *= 0.5;
    good_steps_ = 0;
  } else if (++good_steps_ == growth_interval) {
    scale_ *= 2;
    good_steps_ = 0;
  }
}

Value GradScaler::state() const {
  return Value::Dict{{"scale", Value(scale_)}, {"good_steps", Value(good_steps_)}};
}

void GradScaler::load_state(const Value& state, const std::string& source) {
  const Value* scale = state.find("scale");
  const Value* steps = state.find("good_steps");
  if (scale == nullptr || steps == nullptr) throw Error(source, "the state of the loss scaling is missing");
  scale_ = scale->as_double(source + ": scale");
  good_steps_ = steps->as_int(source + ": good_steps");
}

}  // namespace nnunet
