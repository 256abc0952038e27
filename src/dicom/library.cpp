#include "library.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/plugin.h"
#include "nnunet/dicom/find_series.h"

namespace nnunet::dicom {

namespace {

constexpr const char* kFile = "libnnunet_dicom.so";

struct Loaded {
  const Library* library = nullptr;
  std::string why_not;
};

Loaded load() {
  const PluginSymbol symbol = plugin_symbol(kFile, "nnunet_dicom_library");
  Loaded result{nullptr, symbol.why_not};
  if (symbol.address == nullptr) return result;
  result.library = reinterpret_cast<LibraryEntry>(symbol.address)(kLibraryVersion);
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
    throw Error(
        "DICOM", fmt::format("cannot be read here ({})", loaded().why_not),
        "install the package nnunet-dicom, or a build of this program with DICOM; or convert the series to NIfTI");
  return *loaded().library;
}

bool is_available(std::string* why_not) {
  if (why_not != nullptr) *why_not = loaded().why_not;
  return loaded().library != nullptr;
}

}  // namespace nnunet::dicom
