#pragma once
#include <string>

#include "nnunet/checkpoint/checkpoint.h"

namespace nnunet {

/// Which tensors: all, or all but the heads'. Without the heads what else the file holds does not matter.
enum class V2Part { whole, without_heads };

/// The tensors of a plan's network, by the names and in the order of state_entries, from the `network_weights` of
/// nnU-Net v2: names may have the prefixes of torch's wrappers, and each tensor may be there under up to four names, of
/// which any will do. Throws Error (source): one is missing, has another shape, is no part of the network, or two names
/// of one have different numbers.
StateDict v2_state(const Value& weights, const NetworkPlan& plan, const std::string& source, const std::string& trainer,
                   V2Part part = V2Part::whole);

}  // namespace nnunet
