#include "dicom/dcmtk/source_header.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"

namespace nnunet::dicom {

SourceHeader::SourceHeader(const std::filesystem::path& file) {
  silence_dcmtk();
  const OFCondition read =
      file_.loadFileUntilTag(file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect, DCM_PixelData);
  if (read.bad())
    throw Error(file.string(), fmt::format("cannot be read again as DICOM ({})", read.text()),
                "leave the series where it is until its objects are written");
}

std::string SourceHeader::text(const DcmTagKey& tag) const {
  DcmElement* element = nullptr;  // stays the data set's
  if (file_.getDataset()->findAndGetElement(tag, element).bad()) return {};
  OFString text;
  if (element->ident() != EVR_UN && element->getOFStringArray(text).good()) return {text.c_str(), text.size()};
  Uint8* bytes = nullptr;  // as it is written in the file: without a dictionary its kind is not known
  if (element->getUint8Array(bytes).bad() || bytes == nullptr) return {};
  std::string raw(reinterpret_cast<const char*>(bytes), element->getLength());
  while (!raw.empty() && (raw.back() == ' ' || raw.back() == '\0')) raw.pop_back();
  return raw;
}

}  // namespace nnunet::dicom
