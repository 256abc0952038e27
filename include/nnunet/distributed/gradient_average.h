#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "nnunet/distributed/process_group.h"

namespace nnunet {

/// Averages gradients over the processes while the backward still runs: c10d::Reducer (Li et al., "PyTorch distributed:
/// experiences on accelerating data parallel training", VLDB 2020), buckets of 25 MiB, the first one of 1 MiB.
/// Gradients live in the buckets. A single process: nothing happens.
class GradientAverage {
 public:
  /// The group must outlive it.
  GradientAverage(const ProcessGroup& group, const std::vector<torch::Tensor>& parameters);
  ~GradientAverage();
  GradientAverage(const GradientAverage&) = delete;
  GradientAverage& operator=(const GradientAverage&) = delete;

  /// Before the forward and before the backward of each step. When the backward returns, the gradients are averages.
  void before_forward();
  void before_backward();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nnunet
