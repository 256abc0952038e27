#pragma once
#include <span>
#include <utility>

#include "nnunet/io/config.h"

// Up to `threads` threads share the values; their number changes no result.
namespace nnunet {

/// Least and greatest value; (0, 0) of nothing.
std::pair<float, float> value_range(std::span<const float> values, int threads = 1);

/// CT: clip to [min, max], then (x - mean) / std with the task's statistics (HU).
void normalize_ct(std::span<float> values, const CtStats& stats, int threads = 1);
/// MRI: (x - mean) / std over all of these values (population std); constant ones are only centred.
void normalize_z_score(std::span<float> values, int threads = 1);

}  // namespace nnunet
