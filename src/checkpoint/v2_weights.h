#pragma once
#include <string>

#include "nnunet/checkpoint/checkpoint.h"

namespace nnunet {

/// The tensors of a plan's network, by the names and in the order of state_entries, from the `network_weights` of
/// nnU-Net v2: names may have the prefixes of torch's wrappers, and each tensor may be there under up to four names, of
/// which any will do. Throws Error (source): one is missing, has another shape, is no part of the network, or two names
/// of one have different numbers.
StateDict v2_state(const Value& weights, const NetworkPlan& plan, const std::string& source,
                   const std::string& trainer);

}  // namespace nnunet
