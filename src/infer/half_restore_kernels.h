#pragma once
#include <cstdint>
#include <span>

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

/// Of each voxel of a part: the largest and the second largest of some classes, and which is the largest.
struct RoughBest {
  float *best, *second;
  std::int32_t* label;
};

/// The largest of the classes in float and not rounded, which is several times as fast: stretch_halves has the same one
/// largest where best - second > room_for_rounding, which is infinite where a logit is not finite. classes: at least
/// one, ascending; room: for part.width and kBoundWidth numbers.
void rough_largest(const LineMix& mix, std::span<const std::int32_t> classes, const StretchOf<float>& x,
                   const LinePart& part, float* room, const RoughBest& to);
/// magnitude: largest_magnitude of these classes.
float room_for_rounding(float best, float second, float magnitude);

/// The largest of the classes by stretch_halves, at one voxel; the first one wins a tie.
std::int32_t largest_half(const LineMix& mix, std::span<const std::int32_t> classes, const StretchOf<double>& x,
                          std::int64_t voxel);

/// Voxels whose bounds are looked for at a time: a few registers full.
inline constexpr std::int64_t kBoundWidth = 32;

/// Which classes can be the largest one somewhere in the part: what lies between voxels is no larger than the largest
/// of them. Writes their numbers, ascending, and returns how many; bounds: room for 2 * classes numbers.
std::int64_t possible_classes(const LineMix& mix, const LinePart& part, std::int16_t* bounds, std::int32_t* classes);
/// The largest absolute value of these classes within the bounds that possible_classes left.
float largest_magnitude(const LineMix& mix, const std::int16_t* bounds, std::span<const std::int32_t> classes);

}  // namespace nnunet
