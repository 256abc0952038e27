#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/plan/label_spec.h"

namespace nnunet {

/// Voxels of one label, or of a region's labels: rows of (z,y,x) in drawn order.
struct ClassLocations {
  std::vector<int> labels;  ///< in the request's order
  std::vector<std::array<std::int64_t, 3>> voxels;
};

/// What nnU-Net v2 remembers places of (contract-v2-plan, section 6): the foreground labels, ascending, or the regions;
/// with an ignore label then everything that is annotated, outside of the crop's mask (-1) included.
std::vector<std::vector<int>> location_requests(const LabelSpec& labels);

/// Draws voxels of (D,H,W) for each request: all of at most 10000, else 10000 or a hundredth, whichever is more,
/// without replacement. The same places in the same order as nnU-Net v2's. Labels that are absent get none.
std::vector<ClassLocations> draw_class_locations(const Array<std::int16_t>& label,
                                                 const std::vector<std::vector<int>>& requests,
                                                 std::uint32_t seed = 1234);
/// Bytes that it holds beside the label map, at most.
std::int64_t class_locations_memory(const Shape3& shape);

}  // namespace nnunet
