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

/// Class k of a mix of float16 lines, stretched along x: in double, then rounded to float16, given as float, from to[0]
/// on. Products and sums in scipy's order: each of the up to eight voxels times its weights along z, y and x, added one
/// after the other, first along x. So the last bit, which decides what lies in the middle between two numbers, is the
/// same. room: for 4 * part.width numbers.
void stretch_halves(const LineMix& mix, std::int64_t k, const StretchOf<double>& x, const LinePart& part, double* room,
                    float* to);
/// The same in float, not rounded, of whole lines; room: for mix.width numbers.
void stretch_widened_halves(const LineMix& mix, std::int64_t k, const StretchOf<float>& x, bool same, float* room,
                            float* to);

/// Voxels whose bounds are looked for at a time: a few registers full.
inline constexpr std::int64_t kBoundWidth = 32;

/// Which classes can be the largest one somewhere in the part: what lies between voxels is no larger than the largest
/// of them. Writes their numbers, ascending, and returns how many; bounds: room for 2 * classes numbers.
std::int64_t possible_classes(const LineMix& mix, const LinePart& part, std::int16_t* bounds, std::int32_t* classes);

}  // namespace nnunet
