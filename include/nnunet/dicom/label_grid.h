#pragma once
#include <cstdint>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/dicom/series.h"
#include "nnunet/io/image_file.h"

namespace nnunet::dicom {

/// The labels (D,H,W) of a label map in a file on the series' grid: axes are turned where the file has them in another
/// order or direction, as converters of DICOM to NIfTI do. Throws Error, naming the label map, where its voxels are not
/// those of the series (a tenth of a voxel): other shape, spacing, direction or place. name: for messages.
Array<std::uint16_t> labels_on_series(const WideLabelMap& map, const Series& series, const std::string& name);

}  // namespace nnunet::dicom
