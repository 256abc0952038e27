#include "nnunet/core/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <filesystem>
#include <vector>

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// Of the library or program that this code is in, without links; empty where it cannot be told.
fs::path own_folder() {
  Dl_info here{};
  link_map* map = nullptr;
  if (dladdr1(reinterpret_cast<const void*>(&plugin_symbol), &here, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) ==
      0)
    return {};
  // A program is called what its caller called it, which may be no path.
  const bool is_program = map == nullptr || map->l_name == nullptr || *map->l_name == '\0';
  std::error_code failed;
  return fs::canonical(is_program ? "/proc/self/exe" : map->l_name, failed).parent_path();
}

std::vector<std::string> places(const std::string& file) {
  std::vector<std::string> paths;
  if (const fs::path folder = own_folder(); !folder.empty())
    paths = {(folder / file).string(), (folder.parent_path() / "lib" / file).string()};
  paths.push_back(file);
  return paths;
}

/// Null: why_not says why.
void* open(const std::string& file, std::string& why_not) {
  for (const std::string& path : places(file)) {
    if (path.front() == '/' && !fs::exists(path)) continue;
    if (void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); handle != nullptr) return handle;
    const char* const reason = dlerror();
    if (reason != nullptr && (why_not.empty() || path.front() == '/')) why_not = reason;
    if (path.front() == '/') return nullptr;  // it is there, but needs what is not
  }
  return nullptr;
}

}  // namespace

PluginSymbol plugin_symbol(const std::string& file, const char* symbol) {
  PluginSymbol result;
  void* const handle = open(file, result.why_not);
  if (handle == nullptr) return result;
  result.address = dlsym(handle, symbol);
  if (result.address == nullptr) result.why_not = fmt::format("{} is of another version", file);
  return result;
}

}  // namespace nnunet
