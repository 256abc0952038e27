#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/core/array.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/series.h"

namespace nnunet::dicom {

/// Writes labels (D,H,W) on the series' grid as an RT structure set, atomically: a region of interest for each segment,
/// closed contours in the planes of the series. Contours follow the edges of voxels, a five-hundredth of a voxel
/// inside: a voxel's centre is inside a contour if and only if it has the label. Holes are joined to their outer
/// contour by a keyhole that meets no voxel's centre. UIDs, what is copied from the series, and errors as
/// write_segmentation.
void write_structure_set(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                         const std::filesystem::path& path);

}  // namespace nnunet::dicom
