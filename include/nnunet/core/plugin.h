#pragma once
#include <string>

namespace nnunet {

/// A symbol of a library that comes with this program and is loaded when it is first asked for.
struct PluginSymbol {
  void* address = nullptr;
  std::string why_not;  ///< where there is no address
};

/// Looks for the file beside the library or program that this code is in, or in the library folder beside a program's;
/// else wherever the system does.
PluginSymbol plugin_symbol(const std::string& file, const char* symbol);

}  // namespace nnunet
