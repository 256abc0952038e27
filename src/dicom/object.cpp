#include "nnunet/dicom/object.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/plugin.h"
#include "object_library.h"

namespace nnunet::dicom {
namespace {

constexpr const char* kFile = "libnnunet_dicom_objects.so";

const ObjectLibrary& load() {
  const PluginSymbol symbol = plugin_symbol(kFile, "nnunet_dicom_objects");
  const ObjectLibrary* library = nullptr;
  if (symbol.address != nullptr) library = reinterpret_cast<ObjectLibraryEntry>(symbol.address)(kObjectLibraryVersion);
  if (library == nullptr)
    throw Error(
        "DICOM objects",
        fmt::format("cannot be written here ({})",
                    symbol.address == nullptr ? symbol.why_not : fmt::format("{} is of another version", kFile)),
        "install the package nnunet-dicom, or a build of this program with DICOM; or take the NIfTI label map");
  return *library;
}

}  // namespace

const ObjectLibrary& object_library() {
  static const ObjectLibrary& library = load();
  return library;
}

void write_object(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                  ObjectType type, const std::filesystem::path& path) {
  object_library().write(labels, series, options, type, path);
}

}  // namespace nnunet::dicom
