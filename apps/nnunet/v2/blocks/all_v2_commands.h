#pragma once
#include <vector>

#include "options/command.h"

namespace nnunet::app {

/// Every command of `nnunet v2`, each the owner of its flags; named "v2 predict" and so on.
std::vector<Command> all_v2_commands();

}  // namespace nnunet::app
