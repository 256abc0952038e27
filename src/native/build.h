#pragma once
#include <memory>
#include <vector>

#include "steps.h"

namespace nnunet::native {

/// A graph's operators as the steps that compute them, in the order of the forward.
template <class T>
struct Steps {
  std::vector<std::unique_ptr<Step<T>>> all;
  std::vector<ConvStep<T>*> convs;
  std::vector<HeadStep<T>*> heads;  ///< in the order of the graph's outputs
};

/// Rules of fusion: a convolution and the norm that alone reads it are a step; LeakyReLU after it is left to those who
/// read it; norms that an addition alone reads, the addition and its LeakyReLU are a step; a concatenation is two
/// features that a convolution reads side by side; what an addition or pooling reads as it is, is written out. Throws
/// Error for a graph that they do not cover. sizes: (d,h,w) of each value.
template <class T>
Steps<T> build_steps(const NetworkPlan& plan, const NetworkGraph& graph, const std::vector<Sizes3>& sizes,
                     std::int64_t samples, const NativeOptions& options);

}  // namespace nnunet::native
