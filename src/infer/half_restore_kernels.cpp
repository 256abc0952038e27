// Inner loops of the way back to the original grid for float16 logits. Compiled without contraction to fused
// multiply-adds, so that all vector units give the same digits.
#include "half_restore_kernels.h"

#include <algorithm>
#include <limits>

#include "half_lanes.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

using Half = std::uint16_t;

NNUNET_INLINE const Half* half_line(const LineMix& mix, int i, std::int64_t k) {
  return static_cast<const Half*>(mix.line[i]) + k * mix.class_stride;
}

/// What `count` lines of room add up to.
template <int Lines>
NNUNET_INLINE void add_stretched(const StretchOf<double>& x, const LinePart& part, const double* room, float* to) {
  const auto from = static_cast<std::int32_t>(part.from);
#pragma omp simd
  for (std::int64_t i = part.begin; i < part.end; ++i) {
    const std::int32_t low = x.low[i] - from, high = x.high[i] - from;
    double sum = 0;
    for (int line = 0; line < Lines; ++line) {
      sum += room[line * part.width + low] * x.low_weight[i];
      sum += room[line * part.width + high] * x.high_weight[i];
    }
    to[i - part.begin] = rounded_to_half(sum);
  }
}

constexpr Vectorized stretch_loop = [](const LineMix& mix, std::int64_t k, const StretchOf<double>& x,
                                       const LinePart& part, double* room, float* to) NNUNET_INLINED {
  for (int i = 0; i < mix.count; ++i) {
    const Half* line = half_line(mix, i, k) + part.from;
    double* weighted = room + i * part.width;
    const double z = mix.z_weight[i], y = mix.y_weight[i];
#pragma omp simd
    for (std::int64_t v = 0; v < part.width; ++v) weighted[v] = static_cast<double>(half_to_float(line[v])) * z * y;
  }
  if (mix.count == 1)
    add_stretched<1>(x, part, room, to);
  else if (mix.count == 2)
    add_stretched<2>(x, part, room, to);
  else
    add_stretched<4>(x, part, room, to);
};

constexpr Vectorized widened_loop = [](const LineMix& mix, std::int64_t k, const StretchOf<float>& x, bool same,
                                       float* room, float* to) NNUNET_INLINED {
  std::fill_n(room, mix.width, 0.0F);
  for (int i = 0; i < mix.count; ++i) {
    const Half* line = half_line(mix, i, k);
    const auto weight = static_cast<float>(mix.weight[i]);
#pragma omp simd
    for (std::int64_t v = 0; v < mix.width; ++v) room[v] += weight * half_to_float(line[v]);
  }
  if (same) {
    std::copy_n(room, x.count, to);
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < x.count; ++i)
    to[i] = x.low_weight[i] * room[x.low[i]] + x.high_weight[i] * room[x.high[i]];
};

/// Whole numbers in the order of the halves; both zeros are 0.
NNUNET_INLINE std::int16_t ordered(Half half) {
  const auto magnitude = static_cast<std::int16_t>(half & 0x7fffU);
  return (half & 0x8000U) != 0 ? static_cast<std::int16_t>(-magnitude) : magnitude;
}

/// Least and largest of `width` halves, and of what is in low and high.
NNUNET_INLINE void bound(const Half* line, std::int64_t width, std::int16_t& least, std::int16_t& most) {
  std::int16_t low = least, high = most;
#pragma omp simd reduction(min : low) reduction(max : high)
  for (std::int64_t v = 0; v < width; ++v) {
    const std::int16_t value = ordered(line[v]);
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  least = low;
  most = high;
}

constexpr Vectorized bounds_loop = [](const LineMix& mix, std::int64_t from, std::int64_t width, std::int16_t* least,
                                      std::int16_t* most) NNUNET_INLINED {
  for (std::int64_t k = 0; k < mix.classes; ++k) {
    std::int16_t low = std::numeric_limits<std::int16_t>::max(), high = std::numeric_limits<std::int16_t>::min();
    for (int i = 0; i < mix.count; ++i) {
      const Half* line = half_line(mix, i, k) + from;
      if (width == kBoundWidth)
        bound(line, kBoundWidth, low, high);  // a number that the compiler knows
      else
        bound(line, width, low, high);
    }
    least[k] = low;
    most[k] = high;
  }
};

}  // namespace

void stretch_halves(const LineMix& mix, std::int64_t k, const StretchOf<double>& x, const LinePart& part, double* room,
                    float* to) {
  stretch_loop(mix, k, x, part, room, to);
}

void stretch_widened_halves(const LineMix& mix, std::int64_t k, const StretchOf<float>& x, bool same, float* room,
                            float* to) {
  widened_loop(mix, k, x, same, room, to);
}

std::int64_t possible_classes(const LineMix& mix, const LinePart& part, std::int16_t* bounds, std::int32_t* classes) {
  std::int16_t *least = bounds, *most = bounds + mix.classes;
  // A few voxels more than the part needs do no harm.
  const bool whole = part.width <= kBoundWidth && mix.width >= kBoundWidth;
  const std::int64_t width = whole ? kBoundWidth : part.width;
  bounds_loop(mix, std::min(part.from, mix.width - width), width, least, most);
  // One class is at least this large everywhere.
  const std::int16_t needed = *std::max_element(least, least + mix.classes);
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < mix.classes; ++k)
    if (most[k] >= needed) classes[count++] = static_cast<std::int32_t>(k);
  return count;
}

}  // namespace nnunet
