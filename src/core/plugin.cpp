#include "nnunet/core/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <vector>

namespace nnunet {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> places(const std::string& file) {
  std::vector<std::string> paths;
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&plugin_symbol), &here) != 0 && here.dli_fname != nullptr) {
    const fs::path folder = fs::absolute(here.dli_fname).parent_path();
    paths = {(folder / file).string(), (folder.parent_path() / "lib" / file).string()};
  }
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
