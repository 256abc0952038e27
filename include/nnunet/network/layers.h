#pragma once
#include <torch/torch.h>

#include "nnunet/distributed/process_group.h"
#include "nnunet/plan/graph.h"

/// The operators of a network's graph that have parameters, as torch modules, for two or three spatial axes alike:
/// tensors are (N,C,D,H,W) or (N,C,H,W).
namespace nnunet {

/// Convolution or transposed convolution.
class ConvImpl : public torch::nn::Module {
 public:
  explicit ConvImpl(const GraphNode& node);
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight;  ///< weight_shape(node)
  torch::Tensor bias;    ///< (channels), or undefined
  bool transposed() const { return transposed_; }

 private:
  std::vector<std::int64_t> stride_, padding_;
  bool transposed_;
};
TORCH_MODULE(Conv);

/// Instance, batch or group normalisation with scale and shift, then LeakyReLU.
class NormLayerImpl : public torch::nn::Module {
 public:
  NormLayerImpl(Norm norm, const GraphNode& node);
  /// Without gradients the result may take x's place. Slope 1: no LeakyReLU.
  torch::Tensor forward(const torch::Tensor& x, double slope = 1);

  bool fused = true;                                             ///< our kernels instead of torch's operators
  const ProcessGroup* group = nullptr;                           ///< batch norm over all its processes; null: over one
  torch::Tensor weight, bias;                                    ///< (C)
  torch::Tensor running_mean, running_var, num_batches_tracked;  ///< batch norm only: (C), (C), ()
  bool starts_at_zero = false;                                   ///< see GraphNode::zero_init

 private:
  torch::Tensor normalise(const torch::Tensor& x);  ///< batch, group

  Norm norm_;
};
TORCH_MODULE(NormLayer);

/// In place where the gradient can be told from the result. Slope 1: nothing.
torch::Tensor leaky_relu(torch::Tensor x, double slope);

}  // namespace nnunet
