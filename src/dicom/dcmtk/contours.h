#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace nnunet::dicom {

/// A corner of voxels in a plane: the first voxel has the corners (0,0) and (1,1), its centre lies between them.
struct Corner {
  std::int32_t x = 0, y = 0;

  bool operator==(const Corner&) const = default;
};
using Contour = std::vector<Corner>;

/// Closed contours (without their first corner again at the end) along the edges of the voxels of a mask, corners where
/// the direction changes only. Voxels that touch by a corner alone belong to different contours, unless they are
/// connected otherwise. A hole is joined to its outer contour by a keyhole: a line of edges that is walked there and
/// back and never meets a voxel's centre. inside(x, y) is asked for 0 <= x < width, 0 <= y < height.
std::vector<Contour> trace_contours(std::int32_t width, std::int32_t height,
                                    const std::function<bool(std::int32_t, std::int32_t)>& inside);

}  // namespace nnunet::dicom
