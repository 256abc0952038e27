#pragma once
#include <filesystem>

#include "nnunet/dicom/series.h"

namespace nnunet::dicom {

/// The series whose single-frame instances lie in a folder, from their headers alone; files that are no DICOM images
/// are left out with a warning. Throws Error, naming file or folder: no instances, several series, missing UIDs or
/// geometry, planes that are not parallel, of one size and evenly spaced along their normal.
Series read_series_headers(const std::filesystem::path& folder);

}  // namespace nnunet::dicom
