#pragma once
#include <cstdint>

#include "nnunet/core/array.h"

namespace nnunet {

/// A patch of a training case in memory, while it is augmented.
struct TrainingPatch {
  Array<float> image;          ///< (C,D,H,W); 2D networks: D = 1
  Array<std::int16_t> labels;  ///< (L,D,H,W): channel 0 the label map, channel 1 (cascades) the previous stage's
};

/// Buffers that the operators reuse, one a thread.
struct PatchScratch;

}  // namespace nnunet
