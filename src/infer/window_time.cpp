#include "window_time.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <unordered_map>

#include "nnunet/native/native_network.h"
#include "nnunet/plan/graph.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

std::int64_t product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

/// About half of each edge: a multiple of what the network divides it by, twice that at least, so that the deepest
/// stage keeps more than one voxel.
Sizes smaller_window(const NetworkPlan& plan, const Sizes& patch) {
  const Sizes divisors = total_stride(plan);
  Sizes size = patch;
  for (std::size_t axis = 0; axis < patch.size(); ++axis) {
    const std::int64_t divisor = divisors[axis];
    const std::int64_t half = patch[axis] / 2 / divisor * divisor;
    size[axis] = std::min(patch[axis], std::max(half, 2 * divisor));
  }
  return size;
}

/// Weights and statistics of zeros for a whole network.
class ZeroWeights {
 public:
  explicit ZeroWeights(const NetworkPlan& plan, const NetworkGraph& graph) {
    const auto parameters = network_parameters(graph, plan.naming);
    std::int64_t most = 1;
    for (const auto& parameter : parameters) most = std::max(most, product(parameter.shape));
    most = std::max(most, std::ranges::max(plan.filters));
    zeros_.resize(static_cast<std::size_t>(most));
    for (const auto& parameter : parameters) values_[parameter.name] = zeros_.data();
    for (const GraphNode& node : graph.nodes)
      if (node.kind == GraphNode::Kind::norm) statistics_[node.name] = {zeros_.data(), zeros_.data()};
  }

  void put_into(NativeNetwork& network, const NetworkPlan& plan) {
    network.set_parameters(values_);
    if (plan.norm == Norm::batch) network.set_running_statistics(statistics_);
  }

 private:
  std::vector<float> zeros_;
  ParameterValues values_;
  std::unordered_map<std::string, RunningStatistics> statistics_;
};

}  // namespace

double seconds_of_window(const NetworkPlan& plan, const Sizes& patch) {
  using Clock = std::chrono::steady_clock;
  const Sizes size = smaller_window(plan, patch);
  const NetworkGraph graph = network_graph(plan).finest();
  NativeNetwork network(plan, graph, 1, size, {});
  ZeroWeights(plan, graph).put_into(network, plan);
  const std::vector<float> image(static_cast<std::size_t>(plan.in_channels * product(size)));
  std::vector<float> logits(static_cast<std::size_t>(plan.n_class * product(size)));
  double seconds = 0;
  for (int run = 0; run < 2; ++run) {  // the first one touches the memory
    const auto start = Clock::now();
    network.forward(image.data(), {logits.data()});
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return seconds * static_cast<double>(product(patch)) / static_cast<double>(product(size));
}

}  // namespace nnunet
