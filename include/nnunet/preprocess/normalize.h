#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "nnunet/io/config.h"
#include "nnunet/plan/preprocess_plan.h"

// Up to `threads` threads share the values; their number changes no result.
namespace nnunet {

/// Least and greatest value; (0, 0) of nothing.
std::pair<float, float> value_range(std::span<const float> values, int threads = 1);

/// What the plan says for one channel. mask: 1 for the voxels that count and change, one a value; empty: all. Throws
/// Error (subject: name) for CT without statistics, and for RGB values outside of 0 to 255.
void normalize_channel(const std::string& name, std::span<float> values, const ChannelNormalization& channel,
                       std::span<const std::uint8_t> mask = {}, int threads = 1);

/// CT: clip to [min, max], then (x - mean) / std with the task's statistics (HU). The divisor is at least least_std.
void normalize_ct(std::span<float> values, const CtStats& stats, int threads = 1, double least_std = 0);
/// MRI: (x - mean) / std over all of these values (population std); constant ones are only centred. The divisor is at
/// least least_std.
void normalize_z_score(std::span<float> values, int threads = 1, double least_std = 0);
/// The same over the values where mask is 1; others stay as they are.
void normalize_z_score(std::span<float> values, std::span<const std::uint8_t> mask, int threads, double least_std);
/// (x - min) / (max - min) in float32, as numpy; the divisor is at least least_range.
void normalize_rescale_0_1(std::span<float> values, int threads = 1, double least_range = 0);

}  // namespace nnunet
