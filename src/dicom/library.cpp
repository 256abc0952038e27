#include "library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/dicom/find_series.h"

namespace nnunet::dicom {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "libnnunet_dicom.so";

/// Beside the library or program that this code is in, or in the library folder beside a program's; else wherever the
/// system looks.
std::vector<std::string> places() {
  std::vector<std::string> paths;
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&library), &here) != 0 && here.dli_fname != nullptr) {
    const fs::path folder = fs::absolute(here.dli_fname).parent_path();
    paths = {(folder / kFile).string(), (folder.parent_path() / "lib" / kFile).string()};
  }
  paths.emplace_back(kFile);
  return paths;
}

struct Loaded {
  const Library* library = nullptr;
  std::string why_not;
};

Loaded load() {
  Loaded result;
  void* handle = nullptr;
  for (const std::string& path : places()) {
    if (path.front() == '/' && !fs::exists(path)) continue;
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) break;
    const char* reason = dlerror();
    if (reason != nullptr && (result.why_not.empty() || path.front() == '/')) result.why_not = reason;
    if (path.front() == '/') return result;  // it is there, but needs what is not
  }
  if (handle == nullptr) return result;
  const auto entry = reinterpret_cast<LibraryEntry>(dlsym(handle, "nnunet_dicom_library"));
  if (entry != nullptr) result.library = entry(kLibraryVersion);
  if (result.library == nullptr) result.why_not = fmt::format("{} is of another version", kFile);
  return result;
}

const Loaded& loaded() {
  static const Loaded once = load();
  return once;
}

}  // namespace

const Library& library() {
  if (loaded().library == nullptr)
    throw Error("DICOM", fmt::format("cannot be read here ({})", loaded().why_not),
                "install GDCM (libgdcm3.0) and the build of this program with DICOM, or convert the series to NIfTI");
  return *loaded().library;
}

bool is_available(std::string* why_not) {
  if (why_not != nullptr) *why_not = loaded().why_not;
  return loaded().library != nullptr;
}

}  // namespace nnunet::dicom
