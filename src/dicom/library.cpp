#include "library.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/plugin.h"
#include "nnunet/dicom/find_series.h"

namespace nnunet::dicom {

namespace {

const Plugin<Library>& loaded() {
  static const auto once = load_plugin<Library>("libnnunet_dicom.so", "nnunet_dicom_library", kLibraryVersion);
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
