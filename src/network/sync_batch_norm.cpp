#include "nnunet/network/sync_batch_norm.h"

namespace nnunet {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<std::int64_t> all_but_channels(const torch::Tensor& x) {
  std::vector<std::int64_t> axes{0};
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) axes.push_back(axis);
  return axes;
}

/// Lower precisions are computed in float32.
torch::ScalarType computed_in(const torch::Tensor& x) {
  return x.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
}

/// (C) that multiplies (N,C,spatial).
torch::Tensor per_channel(const torch::Tensor& values, const torch::Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = -1;
  return values.to(x.scalar_type()).view(shape);
}

struct Moments {
  torch::Tensor mean, variance;  ///< (C) double
  double count = 0;              ///< elements a channel
};

/// Of all processes. The deviations are taken from the common mean: a sum of squares would lose what a large mean
/// hides.
Moments moments_of(const torch::Tensor& x, const ProcessGroup& group) {
  const auto axes = all_but_channels(x);
  const auto own = static_cast<double>(x.numel() / x.size(1));
  torch::Tensor sums = torch::cat(
      {x.sum(axes).to(torch::kDouble), torch::full({1}, own, torch::TensorOptions(torch::kDouble).device(x.device()))});
  group.sum(sums);
  Moments m;
  m.count = sums[-1].item<double>();
  m.mean = sums.slice(0, 0, x.size(1)) / m.count;
  torch::Tensor squares = (x - per_channel(m.mean, x)).square_().sum(axes).to(torch::kDouble);
  group.sum(squares);
  m.variance = squares / m.count;
  return m;
}

void move_towards(torch::Tensor& running, const torch::Tensor& value, double momentum) {
  running.mul_(1 - momentum).add_(value.to(running.scalar_type()), momentum);
}

class SyncBatchNorm : public torch::autograd::Function<SyncBatchNorm> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input, const torch::Tensor& weight,
                               const torch::Tensor& bias, torch::Tensor running_mean, torch::Tensor running_var,
                               double momentum, double epsilon, const ProcessGroup* group) {
    const torch::Tensor x = input.to(computed_in(input));
    const Moments m = moments_of(x, *group);
    move_towards(running_mean, m.mean, momentum);
    move_towards(running_var, m.variance * (m.count / std::max(1.0, m.count - 1)), momentum);
    const torch::Tensor scale = (m.variance + epsilon).rsqrt();
    const torch::Tensor normal = (x - per_channel(m.mean, x)).mul_(per_channel(scale, x));
    context->save_for_backward({normal, weight, scale});
    context->saved_data["count"] = m.count;
    context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
    return (normal * per_channel(weight, x)).add_(per_channel(bias, x)).to(input.scalar_type());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &normal = saved[0], &weight = saved[1], &scale = saved[2];
    const auto* const group = reinterpret_cast<const ProcessGroup*>(context->saved_data["group"].toInt());
    const torch::Tensor by_output = gradients[0].to(normal.scalar_type());
    const auto axes = all_but_channels(normal);
    const torch::Tensor by_bias = by_output.sum(axes), by_weight = (by_output * normal).sum(axes);
    torch::Tensor sums = torch::cat({by_bias, by_weight}).to(torch::kDouble);
    group->sum(sums);
    const torch::Tensor means = sums / context->saved_data["count"].toDouble();
    const std::int64_t channels = normal.size(1);
    const torch::Tensor by_input = (by_output - per_channel(means.slice(0, 0, channels), normal) -
                                    normal * per_channel(means.slice(0, channels, 2 * channels), normal))
                                       .mul_(per_channel(scale * weight.to(torch::kDouble), normal));
    const torch::Tensor none;
    return {by_input.to(gradients[0].scalar_type()), by_weight, by_bias, none, none, none, none, none};
  }
};

}  // namespace

torch::Tensor sync_batch_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                              torch::Tensor& running_mean, torch::Tensor& running_var, double momentum, double epsilon,
                              const ProcessGroup& group) {
  return SyncBatchNorm::apply(x, weight, bias, running_mean, running_var, momentum, epsilon, &group);
}

}  // namespace nnunet
