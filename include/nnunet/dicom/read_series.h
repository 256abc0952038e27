#pragma once
#include "nnunet/dicom/find_series.h"
#include "nnunet/io/nifti.h"

namespace nnunet::dicom {

/// The place of a series' voxels: x, y, z are columns, rows, planes.
Geometry geometry_of(const FoundSeries& found);

/// Voxels (1,D,H,W): stored values by each plane's rescale slope and intercept (MONOCHROME1 turned round, so that more
/// is brighter), those of no measurement (padding) the least measured value. threads: 0: all cores. Throws Error: a
/// series with a problem, a file that is damaged, more voxels than limits::image_voxels or memory.
Image read_series(const FoundSeries& found, int threads = 0);

}  // namespace nnunet::dicom
