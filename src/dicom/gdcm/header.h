#pragma once
#include "elements.h"
#include "instance.h"

namespace nnunet::dicom {

/// All that is read of a header.
const Wanted& wanted_elements();
/// Throws Unreadable for numbers that are missing or make no sense.
Instance instance_of(DicomFile& file, const std::filesystem::path& path);
/// Whether the pixel data are packed, and that their packing is known.
bool is_native(const std::string& transfer_syntax);
bool is_known(const std::string& transfer_syntax);

}  // namespace nnunet::dicom
