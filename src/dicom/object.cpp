#include "nnunet/dicom/object.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/plugin.h"
#include "object_library.h"

namespace nnunet::dicom {
namespace {

const Plugin<ObjectLibrary>& loaded() {
  static const auto once =
      load_plugin<ObjectLibrary>(kObjectLibraryFile, "nnunet_dicom_objects", kObjectLibraryVersion);
  return once;
}

}  // namespace

bool can_write_objects(std::string* why_not) {
  if (why_not != nullptr) *why_not = loaded().why_not;
  return loaded().library != nullptr;
}

const ObjectLibrary& object_library() {
  if (loaded().library == nullptr)
    throw Error("DICOM objects", fmt::format("cannot be written here ({})", loaded().why_not),
                "install the package nnunet-dicom, or a build of this program with DICOM; or take the NIfTI label map");
  return *loaded().library;
}

void write_object(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                  ObjectType type, const std::filesystem::path& path) {
  object_library().write(labels, series, options, type, path);
}

}  // namespace nnunet::dicom
