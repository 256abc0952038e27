#pragma once
#include <cstdint>

#include "window_kernels.h"

/// Loops over float16, as its bits. Compiled without contraction to fused multiply-adds: a product is rounded to float
/// before it is added.
namespace nnunet {

/// sum += weight * logits, class by class, in float and then rounded to float16. line.sum is not looked at: class 0's
/// sum of the window's first voxel is `sum`. The window is not mirrored.
void add_line_to_halves(const LogitLine& line, std::uint16_t* sum);

/// to[i] += from[i], rounded to float16.
void add_to_halves(const float* from, std::uint16_t* to, std::int64_t count);
void add_to_halves(const std::uint16_t* from, std::uint16_t* to, std::int64_t count);
/// values[i] /= by, divided in float and rounded to float16.
void divide_halves(std::uint16_t* values, float by, std::int64_t count);

/// sum[i] /= weight[i], divided in float and rounded to float16; whether all results are finite.
bool divide_sums(std::uint16_t* sum, const std::uint16_t* weight, std::int64_t count);
bool all_finite(const std::uint16_t* values, std::int64_t count);

void widen_halves(const std::uint16_t* from, float* to, std::int64_t count);
void narrow_to_halves(const float* from, std::uint16_t* to, std::int64_t count);

}  // namespace nnunet
