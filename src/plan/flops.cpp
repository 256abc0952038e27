#include "nnunet/plan/flops.h"

#include "nnunet/plan/graph.h"

namespace nnunet {

namespace {

using Sizes = std::vector<std::int64_t>;

double product(const Sizes& sizes) {
  double result = 1;
  for (const auto size : sizes) result *= static_cast<double>(size);
  return result;
}

}  // namespace

NetworkFlops count_flops(const NetworkPlan& plan, const Sizes& patch) {
  const NetworkGraph graph = network_graph(plan);
  const std::vector<Sizes> sizes = value_sizes(graph, patch);
  double forward = 0, first = 0;  // first: of the layers that see the network's input
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    if (!node.convolves()) continue;
    // A transposed convolution has a product for each voxel of its input.
    const std::size_t voxels = node.kind == GraphNode::Kind::conv ? i + 1 : node.inputs.front();
    const double flops = 2 * product(weight_shape(node)) * product(sizes[voxels]);
    forward += flops;
    if (node.inputs.front() == 0) first += flops;
  }
  return {forward, 3 * forward - first};
}

}  // namespace nnunet
