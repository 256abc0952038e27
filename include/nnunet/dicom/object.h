#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/core/array.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/series.h"

namespace nnunet::dicom {

/// Segmentations with a bit a voxel and segment, or a number a voxel (segmentation.h), and contours (structure_set.h).
enum class ObjectType { binary, labelmap, rtstruct };

/// Writes labels (D,H,W) on the series' grid as an object of that type, atomically. Throws Error as those do.
void write_object(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                  ObjectType type, const std::filesystem::path& path);

}  // namespace nnunet::dicom
