#include "nnunet/network/blocks.h"

#include <algorithm>

#include "nnunet/network/concat.h"
#include "nnunet/network/norm_act.h"
#include "nnunet/network/sync_batch_norm.h"

namespace nnunet {

namespace {

constexpr double kEpsilon = 1e-5, kMomentum = 0.1;  // the library's defaults for normalisation
constexpr std::int64_t kGroups = 32;

torch::Tensor leaky_relu(torch::Tensor x, double slope) {
  if (slope == 1) return x;
  // In place saves a copy of every activation; the gradient can be told from the result unless the slope is negative.
  return slope >= 0 ? at::leaky_relu_(x, slope) : at::leaky_relu(x, slope);
}

Sizes weight_shape(std::int64_t first, std::int64_t second, const Sizes& kernel) {
  Sizes shape{first, second};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  return shape;
}

bool changes_shape(std::int64_t in, std::int64_t out, const Sizes& stride) {
  return in != out || std::any_of(stride.begin(), stride.end(), [](auto s) { return s > 1; });
}

}  // namespace

ConvImpl::ConvImpl(std::int64_t in, std::int64_t out, const Sizes& kernel, Sizes stride, bool with_bias, Kind kind)
    : stride_(std::move(stride)), padding_(kernel.size(), 0), kind_(kind) {
  const bool up = kind == Kind::transposed;
  weight =
      register_parameter("weight", torch::zeros(up ? weight_shape(in, out, kernel) : weight_shape(out, in, kernel)));
  if (with_bias) bias = register_parameter("bias", torch::zeros({out}));
  if (up) return;
  for (std::size_t axis = 0; axis < kernel.size(); ++axis) padding_[axis] = (kernel[axis] - stride_[axis] + 1) / 2;
}

torch::Tensor ConvImpl::forward(const torch::Tensor& x) const {
  const bool volume = stride_.size() == 3;
  if (!transposed())
    return volume ? at::conv3d(x, weight, bias, stride_, padding_) : at::conv2d(x, weight, bias, stride_, padding_);
  return volume ? at::conv_transpose3d(x, weight, bias, stride_) : at::conv_transpose2d(x, weight, bias, stride_);
}

NormLayerImpl::NormLayerImpl(Norm norm, std::int64_t channels) : norm_(norm) {
  weight = register_parameter("weight", torch::ones({channels}));
  bias = register_parameter("bias", torch::zeros({channels}));
  if (norm != Norm::batch) return;
  running_mean = register_buffer("running_mean", torch::zeros({channels}));
  running_var = register_buffer("running_var", torch::ones({channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::zeros({}, torch::kLong));
}

torch::Tensor NormLayerImpl::normalise(const torch::Tensor& x) {
  const bool cudnn = x.is_cuda();
  if (norm_ == Norm::instance) return at::instance_norm(x, weight, bias, {}, {}, true, kMomentum, kEpsilon, cudnn);
  if (norm_ == Norm::group) return at::group_norm(x, kGroups, weight, bias, kEpsilon, cudnn);
  if (is_training()) num_batches_tracked.add_(1);
  if (is_training() && group != nullptr)
    return sync_batch_norm(x, weight, bias, running_mean, running_var, kMomentum, kEpsilon, *group);
  return at::batch_norm(x, weight, bias, running_mean, running_var, is_training(), kMomentum, kEpsilon, cudnn);
}

torch::Tensor NormLayerImpl::forward(const torch::Tensor& x, double slope) {
  if (norm_ == Norm::instance && fused) return instance_norm_act(x, weight, bias, kEpsilon, slope);
  return leaky_relu(normalise(x), slope);
}

ConvLayerImpl::ConvLayerImpl(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride,
                             const NetworkPlan& plan)
    : conv_(register_module("conv", Conv(in, out, kernel, stride, false))),
      norm_(register_module("norm", NormLayer(plan.norm, out))),
      slope_(plan.negative_slope) {}

torch::Tensor ConvLayerImpl::forward(const torch::Tensor& x) {
  return norm_->forward(conv_->forward(x), slope_);
}

ConvBlock::ConvBlock(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride,
                     const NetworkPlan& plan)
    : conv1_(register_module("conv1", ConvLayer(in, out, kernel, stride, plan))),
      conv2_(register_module("conv2", ConvLayer(out, out, kernel, Sizes(kernel.size(), 1), plan))) {}

torch::Tensor ConvBlock::forward(const torch::Tensor& x) {
  return conv2_->forward(conv1_->forward(x));
}

ResidualBlock::ResidualBlock(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride,
                             const NetworkPlan& plan)
    : conv1_(register_module("conv1", ConvLayer(in, out, kernel, stride, plan))),
      conv2_(register_module("conv2", Conv(out, out, kernel, Sizes(kernel.size(), 1), false))),
      norm_(register_module("norm", NormLayer(plan.norm, out))),
      slope_(plan.negative_slope) {
  if (!changes_shape(in, out, stride)) return;
  downsample_ = register_module("downsample", Conv(in, out, kernel, stride, false));
  norm_res_ = register_module("norm_res", NormLayer(plan.norm, out));
}

torch::Tensor ResidualBlock::forward(const torch::Tensor& x) {
  const torch::Tensor out = norm_->forward(conv2_->forward(conv1_->forward(x)));
  const torch::Tensor shortcut = downsample_ ? norm_res_->forward(downsample_->forward(x)) : x;
  return leaky_relu(out + shortcut, slope_);
}

UpsampleBlock::UpsampleBlock(std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride,
                             const NetworkPlan& plan)
    : transp_conv_(register_module("transp_conv", Conv(in, out, stride, stride, true, ConvImpl::Kind::transposed))),
      conv_block_(register_module("conv_block",
                                  std::make_shared<ConvBlock>(2 * out, out, kernel, Sizes(kernel.size(), 1), plan))) {}

torch::Tensor UpsampleBlock::forward(const torch::Tensor& x, const torch::Tensor& skip) {
  return conv_block_->forward(concat_channels(transp_conv_->forward(x), skip));
}

OutputBlock::OutputBlock(const NetworkPlan& plan)
    : conv_(
          register_module("conv", Conv(plan.filters.front(), plan.n_class, Sizes(static_cast<std::size_t>(plan.dim), 1),
                                       Sizes(static_cast<std::size_t>(plan.dim), 1), true))) {}

}  // namespace nnunet
