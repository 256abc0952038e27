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

template <class Interface>
struct Plugin {
  const Interface* library = nullptr;
  std::string why_not;  ///< where it is null
};

/// What the library's function `symbol`, a `const Interface* (*)(int version)`, gives for the version: null for others.
template <class Interface>
Plugin<Interface> load_plugin(const std::string& file, const char* symbol, int version) {
  const PluginSymbol found = plugin_symbol(file, symbol);
  Plugin<Interface> plugin{nullptr, found.why_not};
  if (found.address == nullptr) return plugin;
  plugin.library = reinterpret_cast<const Interface* (*)(int)>(found.address)(version);
  if (plugin.library == nullptr) plugin.why_not = file + " is of another version";
  return plugin;
}

}  // namespace nnunet
