#pragma once
#include <span>
#include <utility>

#include "nnunet/io/config.h"

namespace nnunet {

/// Least and greatest value; (0, 0) of nothing.
std::pair<float, float> value_range(std::span<const float> values);

/// CT: clip to [min, max], then (x - mean) / std with the task's statistics (HU).
void normalize_ct(std::span<float> values, const CtStats& stats);
/// MRI: (x - mean) / std over all of these values (population std); constant ones are only centred.
void normalize_z_score(std::span<float> values);

}  // namespace nnunet
