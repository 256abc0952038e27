#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/network/unet.h"

namespace nnunet {

/// A network's forward and backward by kernels of our own (native/native_network.h). Parameters, buffers and gradients
/// stay the network's, in the standard layout; float32, on the CPU.
///   NativeForward native(network); auto logits = native.forward(images, /*bf16=*/false);
class NativeForward {
 public:
  explicit NativeForward(UNet network);
  ~NativeForward();

  /// images (N,C,spatial) float32 -> logits (N,K,spatial) float32, as network->forward would. With gradients enabled it
  /// is one operator over all parameters; none for the images. Throws Error for batch norm with gradients outside of
  /// training, and for a second backward through the same forward.
  torch::Tensor forward(const torch::Tensor& images, bool bf16);
  /// The same of the first `heads` heads, the full resolution's first. The others are not computed: their parameters
  /// get no gradient, and neither do those of a coarser head that nothing flows back into.
  std::vector<torch::Tensor> forward_heads(const torch::Tensor& images, std::size_t heads, bool bf16);
  /// Memory held by the shapes seen last: activations, weights in the kernels' order, workspaces.
  std::int64_t bytes() const;

 private:
  class Engines;
  class Function;
  std::shared_ptr<Engines> engines_;
};

}  // namespace nnunet
