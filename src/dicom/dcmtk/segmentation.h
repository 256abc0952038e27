#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/core/array.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/series.h"

namespace nnunet::dicom {

/// BINARY: a bit a voxel and segment, which every viewer reads. LABELMAP (Supplement 243): a number a voxel, which few
/// read yet.
enum class SegmentationType { binary, labelmap };

/// Writes labels (D,H,W) on the series' grid as a DICOM segmentation of that series, atomically. It has the series'
/// patient, study and frame of reference, UIDs of its own that are new each time, and refers plane by plane to the
/// instances; planes without labels are left out (without any label one empty plane is kept). Segments of BINARY are
/// numbered from 1 without gaps, so they are the labels' values where those have none; else the log says which became
/// what. Throws Error: another shape than the series', values without a segment, a source file that cannot be read,
/// more pixel data than a DICOM file holds, failed I/O.
void write_segmentation(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                        SegmentationType type, const std::filesystem::path& path);

}  // namespace nnunet::dicom
