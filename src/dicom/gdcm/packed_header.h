#pragma once
#include <string_view>

#include "instance.h"

namespace nnunet::dicom {

/// GDCM ends the process (assertions, a division by zero) at packed pictures that it does not expect, so their headers
/// are looked at before. Throw Unreadable: it is no whole header, or of a picture of another size, of several colours
/// or of another width of numbers than the instance says.
void require_jpeg_header(std::string_view file, const Instance& instance);  ///< JPEG and JPEG-LS
void require_rle_header(std::string_view file, const Instance& instance);

}  // namespace nnunet::dicom
