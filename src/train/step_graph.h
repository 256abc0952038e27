#pragma once
#include <torch/torch.h>

#include <functional>
#include <memory>

#include "nnunet/train/step.h"

namespace nnunet {

/// A training step recorded once as a CUDA graph and then replayed: the GPU gets hundreds of kernels with one call. The
/// first few batches are computed as usual and so warm up libraries and allocator. Batches of another shape than the
/// recorded one are computed as usual, too.
class StepGraph {
 public:
  /// Takes image and label on the GPU; returns what the step gave there. Must not wait for the GPU.
  using Compute = std::function<StepResult(const torch::Tensor& image, const torch::Tensor& label)>;

  /// Throws Error without a GPU and in builds without CUDA.
  explicit StepGraph(torch::Device device);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  /// image and label: of the host, pinned, or on the GPU. compute must do the same each time.
  StepResult run(const torch::Tensor& image, const torch::Tensor& label, const Compute& compute);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nnunet
