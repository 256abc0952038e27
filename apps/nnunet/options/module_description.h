#pragma once
#include <string>

#include "command.h"

namespace nnunet::app {

/// The command's module as the XML that 3D Slicer's execution model asks for with --xml. Throws std::logic_error for a
/// command without one, and for a module that names what is no option of it.
std::string module_description(const Command& command);

}  // namespace nnunet::app
