#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/plan/plan.h"

/// The one description of a network's topology. Names, order and shapes of parameters, initial weights, floating-point
/// operations, the torch module, the native engine, ONNX and TorchScript are all made from it.
namespace nnunet {

/// One operator of a network (contract, section 3; contract-v2-run, section 2). Values are numbered: 0 is the image
/// (N,C,spatial), i + 1 is what operator i makes.
struct GraphNode {
  enum class Kind {
    conv,             ///< `weight` (channels,in_channels,kernel), `bias` (channels) where it has one
    transposed_conv,  ///< `weight` (in_channels,channels,kernel), `bias`; no padding
    norm,        ///< NetworkPlan::norm; `weight`, `bias`, batch norm also `running_mean`, `running_var`: (channels)
    leaky_relu,  ///< NetworkPlan::negative_slope
    add,         ///< of two inputs
    concat,      ///< of two inputs, along the channels
    mean_pool,   ///< kernel = stride, no padding
  };
  Kind kind;
  std::string name;  ///< the module that holds its parameters, "input_block.conv1.conv"; others: unique
  std::vector<std::size_t> inputs;
  std::int64_t in_channels = 0, channels = 0;         ///< of the first input and of the output
  std::vector<std::int64_t> kernel, stride, padding;  ///< convolutions, pooling: an axis each, the same on both sides
  bool bias = false;
  /// Which part of the network it belongs to: "encoder level 0", "decoder level 1", "output". The operators of a part
  /// follow one another.
  std::string part;
  bool zero_init =
      false;  ///< a norm whose weight starts at 0 instead of 1 (the last one of nnU-Net v2's residual blocks)

  bool convolves() const { return kind == Kind::conv || kind == Kind::transposed_conv; }
  bool has_parameters() const { return convolves() || kind == Kind::norm; }
};

struct NetworkGraph {
  std::vector<GraphNode> nodes;  ///< in the order in which they run
  /// Values of the heads, logits (N,n_class,spatial): the full resolution's first, then coarser and coarser ones. What
  /// makes the first one ends before the others begin, so that without them the nodes are nodes[0, outputs[0]).
  std::vector<std::size_t> outputs;

  /// The graph that makes the logits of the first `count` heads alone.
  NetworkGraph first_heads(std::size_t count) const;
  /// Of the full resolution alone.
  NetworkGraph finest() const { return first_heads(1); }
  const GraphNode& maker(std::size_t value) const { return nodes[value - 1]; }
  /// How many operators read each value.
  std::vector<int> readers() const;
};

NetworkGraph network_graph(const NetworkPlan& plan);

/// A tensor that is trained.
struct NetworkParameter {
  std::string name;                 ///< "input_block.conv1.conv.weight"
  std::vector<std::int64_t> shape;  ///< as torch's state_dict has it
  std::size_t node = 0;             ///< the operator that has it
};
/// All of them, in the order of the system whose names they have.
std::vector<NetworkParameter> network_parameters(const NetworkGraph& graph, Naming naming);
/// The shape of an operator's `weight`.
std::vector<std::int64_t> weight_shape(const GraphNode& node);

/// The spatial size of each value for an image of that size.
std::vector<std::vector<std::int64_t>> value_sizes(const NetworkGraph& graph, const std::vector<std::int64_t>& image);

}  // namespace nnunet
