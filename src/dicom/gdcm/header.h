#pragma once
#include "elements.h"
#include "instance.h"

namespace nnunet::dicom {

/// All that is read of a header.
const Wanted& wanted_elements();
/// Throws Unreadable for numbers that are missing or make no sense.
Instance instance_of(DicomFile& file, const std::filesystem::path& path);

}  // namespace nnunet::dicom
