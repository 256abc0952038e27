#pragma once
#include <string>
#include <vector>

#include "options/command.h"

/// What completion in any shell asks of the commands.
namespace nnunet::app {

/// Options that are offered.
std::vector<const Option*> offered(const Command& command);
/// Whether it takes arguments without a name.
bool takes_arguments(const Command& command);
/// "predict" of "v2 predict", as it stands after `nnunet v2` or `nnUNetv2_`.
std::string v2_name(const Command& command);

inline constexpr const char* kV2Summary = "nnU-Net v2's commands";

}  // namespace nnunet::app
