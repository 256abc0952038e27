#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/preprocess/case.h"

namespace nnunet {

/// Training only, after normalising: zero-pads each axis to the patch (floor half before, ceil half after); in 2D
/// (patch of two sizes) not the depth, and H and W are then centre-cropped to the patch.
void fit_to_patch(PreprocessedCase& item, const std::vector<std::int64_t>& patch);

/// --dilation: 3x3 grey dilation, then erosion, slice by slice, of a label (D,H,W): closes gaps between classes and
/// small holes.
void close_label(Array<std::uint8_t>& label);

}  // namespace nnunet
