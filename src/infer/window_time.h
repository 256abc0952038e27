#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/plan/plan.h"

namespace nnunet {

/// Seconds that the native engine takes for one window of this patch in float32, on this machine with its threads:
/// timed on a window of about half the edges (a network of zeros, which takes as long as any) and scaled by the voxels.
double seconds_of_window(const NetworkPlan& plan, const std::vector<std::int64_t>& patch);

}  // namespace nnunet
