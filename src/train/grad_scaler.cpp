#include "nnunet/train/grad_scaler.h"

#include "nnunet/core/error.h"

namespace nnunet {

namespace {
constexpr double kStart = 65536, kGrowth = 2, kBackoff = 0.5;
constexpr std::int64_t kGrowthInterval = 2000;
}  // namespace

GradScaler::GradScaler(bool enabled, torch::Device device)
    : enabled_(enabled),
      scale_(torch::full({}, kStart, torch::TensorOptions(torch::kFloat).device(device))),
      good_steps_(torch::zeros({}, torch::TensorOptions(torch::kInt).device(device))) {}

torch::Tensor GradScaler::unscale(const std::vector<torch::Tensor>& parameters) const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const auto& p : parameters)
    if (p.grad().defined()) gradients.push_back(p.grad());
  torch::Tensor found_inf = torch::zeros_like(scale_);
  if (!gradients.empty())
    at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf,
                                                   enabled_ ? scale_.reciprocal() : torch::ones_like(scale_));
  return found_inf;
}

void GradScaler::update(const torch::Tensor& found_inf) {
  if (!enabled_) return;
  const torch::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, good_steps_, found_inf, kGrowth, kBackoff, kGrowthInterval);
}

Value GradScaler::state() const {
  return Value::Dict{{"scale", Value(scale_.item<double>())}, {"good_steps", Value(good_steps_.item<std::int64_t>())}};
}

void GradScaler::load_state(const Value& state, const std::string& source) {
  const Value* scale = state.find("scale");
  const Value* steps = state.find("good_steps");
  if (scale == nullptr || steps == nullptr) throw Error(source, "the state of the loss scaling is missing");
  const double saved_scale = scale->as_double(source + ": scale");
  const std::int64_t saved_steps = steps->as_int(source + ": good_steps");
  scale_.fill_(saved_scale);
  good_steps_.fill_(saved_steps);
}

}  // namespace nnunet
