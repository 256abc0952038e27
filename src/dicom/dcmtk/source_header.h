#pragma once
#include <filesystem>
#include <string>

#include "dicom/dcmtk/elements.h"

namespace nnunet::dicom {

/// What a source instance says before its voxels.
class SourceHeader {
 public:
  /// Throws Error when the file cannot be read.
  explicit SourceHeader(const std::filesystem::path& file);

  /// The bytes of an element with text, in the source's character set; empty where it is not there.
  std::string text(const DcmTagKey& tag) const;
  void copy(const DcmTagKey& tag, DcmEVR kind, DcmItem& into) const { put(into, tag, kind, text(tag)); }

 private:
  mutable DcmFileFormat file_;  // DCMTK looks elements up by functions that are not const
};

}  // namespace nnunet::dicom
