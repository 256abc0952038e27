#pragma once
#include "grid.h"

namespace nnunet::spline {

/// Cubic spline along the first axis of (from, area) to (to, area), not clipped.
void resample_first_axis(const float* in, grid::Index from, float* out, grid::Index to, grid::Index area, int threads);

}  // namespace nnunet::spline
