#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/plan/plan.h"

namespace nnunet {

/// One operator of a network, for whoever writes it in another language or runs it by other means (contract, section
/// 3). Values are numbered: 0 is the image (N,C,spatial), i + 1 is what operator i makes.
struct GraphNode {
  enum class Kind {
    conv,             ///< `weight` (channels,in_channels,kernel), `bias` (channels) where it has one
    transposed_conv,  ///< `weight` (in_channels,channels,kernel), `bias`; no padding
    norm,        ///< NetworkPlan::norm; `weight`, `bias`, batch norm also `running_mean`, `running_var`: (channels)
    leaky_relu,  ///< NetworkPlan::negative_slope
    add,         ///< of two inputs
    concat,      ///< of two inputs, along the channels
  };
  Kind kind;
  std::string name;  ///< the module that holds its parameters, "input_block.conv1.conv"; others: unique
  std::vector<std::size_t> inputs;
  std::int64_t in_channels = 0, channels = 0;         ///< of the first input and of the output
  std::vector<std::int64_t> kernel, stride, padding;  ///< convolutions: an axis each, the same on both sides
  bool bias = false;
};

/// The operators in the order in which they run; the last one makes the logits.
std::vector<GraphNode> network_graph(const NetworkPlan& plan);

/// Of normalisation; the reference's, which are torch's defaults.
inline constexpr double kNormEpsilon = 1e-5;
inline constexpr std::int64_t kNormGroups = 32;

}  // namespace nnunet
