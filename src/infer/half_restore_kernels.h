#pragma once
#include <cstdint>

#include "restore_kernels.h"

namespace nnunet {

/// An axis for the inner loops.
template <class T>
struct StretchOf {
  const std::int32_t *low, *high;
  const T *low_weight, *high_weight;
  std::int64_t count;
};

/// Class k of a mix of float16 lines, stretched along x: in double, then rounded to float16, given as float. room: for
/// mix.width numbers.
void stretch_halves(const LineMix& mix, std::int64_t k, const StretchOf<double>& x, bool same, double* room, float* to);
/// The same in float, not rounded.
void stretch_widened_halves(const LineMix& mix, std::int64_t k, const StretchOf<float>& x, bool same, float* room,
                            float* to);

}  // namespace nnunet
