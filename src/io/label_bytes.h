#pragma once
#include <cstddef>
#include <span>

#include "voxel_coding.h"

namespace nnunet {

/// A label map's voxels (D,H,W) as they go into a file: DT_UINT8 or DT_UINT16, in this machine's byte order.
struct LabelBytes {
  int datatype = DT_UINT8;
  std::span<const std::byte> bytes;
};

}  // namespace nnunet
