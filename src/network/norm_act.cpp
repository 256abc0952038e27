#include "nnunet/network/norm_act.h"

#include "nnunet/kernels/norm_act.h"
#include "nnunet/network/kernel_call.h"
#include "nnunet/network/memory_format.h"

#ifdef NNUNET_CUDA
#include "nnunet/kernels/cuda.h"
#endif

namespace nnunet {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::NormShape shape_of(const torch::Tensor& x) {
  const std::int64_t samples = x.size(0), channels = x.size(1);
  return {samples, channels, x.numel() / (samples * channels), kernel_layout(x)};
}

kernels::NormParameters parameters(const torch::Tensor& weight, const torch::Tensor& bias, double epsilon,
                                   double slope) {
  return {weight.const_data_ptr<float>(), bias.const_data_ptr<float>(), static_cast<float>(epsilon),
          static_cast<float>(slope)};
}

struct Statistics {
  torch::Tensor mean, rstd;  ///< (N,C)
  explicit Statistics(const torch::Tensor& x)
      : mean(torch::empty({x.size(0), x.size(1)}, torch::TensorOptions(torch::kFloat).device(x.device()))),
        rstd(torch::empty_like(mean)) {}
};

void forward_into(const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& weight,
                  const torch::Tensor& bias, double epsilon, double slope, const Statistics& s) {
  const kernels::NormShape shape = shape_of(x);
  const kernels::NormParameters p = parameters(weight, bias, epsilon, slope);
  auto* const mean = s.mean.mutable_data_ptr<float>();
  auto* const rstd = s.rstd.mutable_data_ptr<float>();
  for_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    const T* const from = kernel_const_data<T>(x);
    T* const to = kernel_data<T>(y);
#ifdef NNUNET_CUDA
    if (x.is_cuda()) {
      const CudaCall call(x);
      const torch::Tensor room = call.workspace(kernels::cuda::norm_act_workspace(shape), x);
      return kernels::cuda::norm_act_forward(from, to, mean, rstd, shape, p, room.mutable_data_ptr(), call.stream());
    }
#endif
    if constexpr (on_cpu<T>) kernels::norm_act_forward(from, to, mean, rstd, shape, p);
  });
}

void backward_into(const torch::Tensor& x, const torch::Tensor& dy, const torch::Tensor& dx,
                   const torch::Tensor& dgamma, const torch::Tensor& dbeta, const torch::Tensor& mean,
                   const torch::Tensor& rstd, const kernels::NormParameters& p) {
  const kernels::NormShape shape = shape_of(x);
  const auto *const m = mean.const_data_ptr<float>(), *const r = rstd.const_data_ptr<float>();
  auto *const gamma = dgamma.mutable_data_ptr<float>(), *const beta = dbeta.mutable_data_ptr<float>();
  for_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    const T *const from = kernel_const_data<T>(x), *const by = kernel_const_data<T>(dy);
    T* const to = kernel_data<T>(dx);
#ifdef NNUNET_CUDA
    if (x.is_cuda()) {
      const CudaCall call(x);
      const torch::Tensor room = call.workspace(kernels::cuda::norm_act_workspace(shape), x);
      return kernels::cuda::norm_act_backward(from, by, to, gamma, beta, m, r, shape, p, room.mutable_data_ptr(),
                                              call.stream());
    }
#endif
    if constexpr (on_cpu<T>) kernels::norm_act_backward(from, by, to, gamma, beta, m, r, shape, p);
  });
}

class NormAct : public torch::autograd::Function<NormAct> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, double epsilon, double slope) {
    const torch::Tensor input = dense(x);
    const torch::Tensor y = torch::empty_like(input);
    const Statistics s(input);
    forward_into(input, y, weight, bias, epsilon, slope, s);
    context->save_for_backward({input, weight, bias, s.mean, s.rstd});
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &mean = saved[3], &rstd = saved[4];
    const torch::Tensor dy = like(gradients[0].to(x.scalar_type()), x);
    const torch::Tensor dx = torch::empty_like(x), dgamma = torch::empty_like(weight), dbeta = torch::empty_like(bias);
    backward_into(
        x, dy, dx, dgamma, dbeta, mean, rstd,
        parameters(weight, bias, context->saved_data["epsilon"].toDouble(), context->saved_data["slope"].toDouble()));
    return {dx, dgamma, dbeta, torch::Tensor(), torch::Tensor()};
  }
};

bool has_kernel(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  return has_kernel_type(x) && x.dim() >= 3 && x.numel() > 0 && weight.device() == x.device() &&
         weight.scalar_type() == torch::kFloat && bias.scalar_type() == torch::kFloat && weight.is_contiguous() &&
         bias.is_contiguous();
}

}  // namespace

torch::Tensor plain_instance_norm_act(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                      double epsilon, double slope) {
  torch::Tensor y = at::instance_norm(x, weight, bias, {}, {}, true, 0.1, epsilon, x.is_cuda());
  if (slope == 1) return y;
  // In place saves a copy of every activation; the gradient can be told from the result unless the slope is negative.
  return slope >= 0 ? at::leaky_relu_(y, slope) : at::leaky_relu(y, slope);
}

torch::Tensor instance_norm_act(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                double epsilon, double slope) {
  if (!has_kernel(x, weight, bias)) return plain_instance_norm_act(x, weight, bias, epsilon, slope);
  if (torch::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad()))
    return NormAct::apply(x, weight, bias, epsilon, slope);
  const torch::Tensor input = dense(x);
  forward_into(input, input, weight, bias, epsilon, slope, Statistics(input));
  return input;
}

}  // namespace nnunet
