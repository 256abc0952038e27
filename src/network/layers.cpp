#include "nnunet/network/layers.h"

#include "nnunet/network/norm_act.h"
#include "nnunet/network/sync_batch_norm.h"

namespace nnunet {

torch::Tensor leaky_relu(torch::Tensor x, double slope) {
  if (slope == 1) return x;
  // In place saves a copy of every activation; the gradient can be told from the result unless the slope is negative.
  return slope >= 0 ? at::leaky_relu_(x, slope) : at::leaky_relu(x, slope);
}

ConvImpl::ConvImpl(const GraphNode& node)
    : stride_(node.stride), padding_(node.padding), transposed_(node.kind == GraphNode::Kind::transposed_conv) {
  weight = register_parameter("weight", torch::zeros(weight_shape(node)));
  if (node.bias) bias = register_parameter("bias", torch::zeros({node.channels}));
}

torch::Tensor ConvImpl::forward(const torch::Tensor& x) const {
  const bool volume = stride_.size() == 3;
  if (!transposed_)
    return volume ? at::conv3d(x, weight, bias, stride_, padding_) : at::conv2d(x, weight, bias, stride_, padding_);
  return volume ? at::conv_transpose3d(x, weight, bias, stride_) : at::conv_transpose2d(x, weight, bias, stride_);
}

NormLayerImpl::NormLayerImpl(Norm norm, const GraphNode& node) : starts_at_zero(node.zero_init), norm_(norm) {
  weight = register_parameter("weight", torch::ones({node.channels}));
  bias = register_parameter("bias", torch::zeros({node.channels}));
  if (norm != Norm::batch) return;
  running_mean = register_buffer("running_mean", torch::zeros({node.channels}));
  running_var = register_buffer("running_var", torch::ones({node.channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::zeros({}, torch::kLong));
}

torch::Tensor NormLayerImpl::normalise(const torch::Tensor& x) {
  const bool cudnn = x.is_cuda();
  if (norm_ == Norm::instance)
    return at::instance_norm(x, weight, bias, {}, {}, true, kNormMomentum, kNormEpsilon, cudnn);
  if (norm_ == Norm::group) return at::group_norm(x, kNormGroups, weight, bias, kNormEpsilon, cudnn);
  if (is_training()) num_batches_tracked.add_(1);
  if (is_training() && group != nullptr)
    return sync_batch_norm(x, weight, bias, running_mean, running_var, kNormMomentum, kNormEpsilon, *group);
  return at::batch_norm(x, weight, bias, running_mean, running_var, is_training(), kNormMomentum, kNormEpsilon, cudnn);
}

torch::Tensor NormLayerImpl::forward(const torch::Tensor& x, double slope) {
  if (norm_ == Norm::instance && fused) return instance_norm_act(x, weight, bias, kNormEpsilon, slope);
  return leaky_relu(normalise(x), slope);
}

}  // namespace nnunet
