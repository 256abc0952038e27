#include "nnunet/checkpoint/weights.h"

#include <fmt/format.h>

#include <set>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/plan/graph.h"

namespace nnunet {
namespace {

constexpr const char* kCounter = "num_batches_tracked";

[[noreturn]] void refuse(const std::string& source, const std::string& problem) {
  throw Error(source, problem, "use the checkpoint of a network with the same channels, classes, patch and options");
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::int64_t>>> state_entries(const NetworkPlan& plan) {
  const NetworkGraph graph = network_graph(plan);
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> entries;
  for (const NetworkParameter& parameter : network_parameters(graph, plan.naming)) {
    entries.emplace_back(parameter.name, parameter.shape);
    const GraphNode& node = graph.nodes[parameter.node];
    if (plan.norm != Norm::batch || node.kind != GraphNode::Kind::norm || !parameter.name.ends_with(".bias")) continue;
    entries.emplace_back(node.name + ".running_mean", parameter.shape);
    entries.emplace_back(node.name + ".running_var", parameter.shape);
    entries.emplace_back(node.name + "." + kCounter, std::vector<std::int64_t>{});
  }
  return entries;
}

void check_state(const NetworkPlan& plan, const StateDict& state, const std::string& source) {
  std::unordered_map<std::string, const HostTensor*> given;
  for (const auto& [name, tensor] : state) given[name] = &tensor;
  std::set<std::string> known;
  for (const auto& [name, shape] : state_entries(plan)) {
    known.insert(name);
    const auto found = given.find(name);
    if (found == given.end()) refuse(source, fmt::format("\"{}\" is missing", name));
    if (found->second->sizes != shape)
      refuse(source, fmt::format("\"{}\" has the shape ({}), the network needs ({})", name,
                                 shape_text(found->second->sizes), shape_text(shape)));
  }
  for (const auto& [name, tensor] : state)
    if (!known.contains(name)) refuse(source, fmt::format("\"{}\" is no part of this network", name));
}

NetworkWeights network_weights(const Checkpoint& checkpoint, const std::string& source) {
  check_state(checkpoint.plan, checkpoint.state_dict, source);
  NetworkWeights weights;
  for (const auto& [name, tensor] : checkpoint.state_dict)
    weights.emplace(name, name.ends_with(kCounter) ? tensor.contiguous() : tensor.to_float32(source + ": " + name));
  return weights;
}

}  // namespace nnunet
