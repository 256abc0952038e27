#pragma once
#include <cstdint>
#include <span>

#include "instance.h"

namespace nnunet::dicom {

/// A plane in JPEG 2000 or its high-throughput form, by OpenJPEG, which knows more of them than GDCM does with it.
/// Throws Unreadable: damaged, truncated, or of another size than the header says.
std::vector<std::int32_t> decode_jpeg2000(std::string_view file, const Instance& instance);

}  // namespace nnunet::dicom
