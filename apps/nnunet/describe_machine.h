#pragma once
#include <nlohmann/json.hpp>

namespace nnunet::app {

/// Processor, instruction sets and the one that our loops use, cores, memory, GPUs, engines, versions: what a report of
/// a fault or of a measurement has to say.
nlohmann::ordered_json describe_machine();

}  // namespace nnunet::app
