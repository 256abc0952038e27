#pragma once
#include <torch/torch.h>

#include <vector>

#include "nnunet/kernels/adam.h"
#include "nnunet/kernels/sgd.h"

namespace nnunet {

/// Tensors whose elements belong together, and what a step needs beside them, all on one GPU.
struct CudaStep {
  std::vector<torch::Tensor> parameters, gradients, first, second;  ///< second: Adam only
  torch::Tensor learning_rate;                                      ///< double
  torch::Tensor step;                                               ///< int64, Adam only: counted by the step itself
  torch::Tensor found_inf;                                          ///< float or undefined: not 0: the step is skipped
};

/// Steps of the optimizers by kernels/cuda.h, without waiting for the GPU. Only in builds with NNUNET_CUDA.
void cuda_adam_step(const kernels::AdamRule& rule, const CudaStep& step);
void cuda_sgd_step(const kernels::SgdRule& rule, const CudaStep& step);

}  // namespace nnunet
