#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet {

/// 1 for the voxels of (C,D,H,W) that are not 0 in any channel, and for holes: other voxels from which no way through
/// faces of voxels that are 0 leads to the array's border. 0 elsewhere; (D,H,W). So nothing of a single slice is a
/// hole. threads: how many may work on it (0: all cores); they change nothing.
std::vector<std::uint8_t> nonzero_filled_mask(const Array<float>& image, int threads = 1);

}  // namespace nnunet
