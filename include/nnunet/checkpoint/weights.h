#pragma once
#include <string>
#include <unordered_map>

#include "nnunet/checkpoint/checkpoint.h"

namespace nnunet {

/// A network's parameters and buffers by name, contiguous: float32, but for `num_batches_tracked`.
using NetworkWeights = std::unordered_map<std::string, HostTensor>;

/// Those of a checkpoint, which source names in messages. Throws Error when they are not those of its plan: one is
/// missing, has another shape or type, or is no part of the network.
NetworkWeights network_weights(const Checkpoint& checkpoint, const std::string& source);

/// Throws Error when a state is not one of the plan's network: an entry is missing, has another shape, or is no part of
/// it.
void check_state(const NetworkPlan& plan, const StateDict& state, const std::string& source);

/// Names and shapes of everything that a network's state holds, in the order of its system: parameters, and what batch
/// norms track (`num_batches_tracked` too, which has no axes).
std::vector<std::pair<std::string, std::vector<std::int64_t>>> state_entries(const NetworkPlan& plan);

}  // namespace nnunet
