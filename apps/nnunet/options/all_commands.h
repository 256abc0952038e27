#pragma once
#include <vector>

#include "command.h"

namespace nnunet::app {

/// Every command, in the order of the main job. Each block owns the struct of its options.
std::vector<Command> all_commands();

}  // namespace nnunet::app
