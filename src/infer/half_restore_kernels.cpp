// Inner loops of the way back to the original grid for float16 logits. Compiled without contraction to fused
// multiply-adds, so that all vector units give the same digits.
#include "half_restore_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "half_lanes.h"
#include "nnunet/core/cpu.h"
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

/// A class's lines, mixed in float.
NNUNET_INLINE void mix_widened(const LineMix& mix, std::int64_t k, std::int64_t from, std::int64_t width, float* room) {
  std::fill_n(room, width, 0.0F);
  for (int i = 0; i < mix.count; ++i) {
    const Half* line = half_line(mix, i, k) + from;
    const auto weight = static_cast<float>(mix.weight[i]);
#pragma omp simd
    for (std::int64_t v = 0; v < width; ++v) room[v] += weight * half_to_float(line[v]);
  }
}

/// Of two vectors in a row the values at these places.
template <class Floats, class Numbers>
NNUNET_INLINE void pick(const Floats& lower, const Floats& upper, const Numbers& place, Floats& values) {
#ifdef __clang__  // has this for fixed places only
  constexpr auto lanes = static_cast<std::int32_t>(sizeof(Floats) / sizeof(float));
  for (std::int32_t i = 0; i < lanes; ++i) values[i] = place[i] < lanes ? lower[place[i]] : upper[place[i] - lanes];
#else
  values = __builtin_shuffle(lower, upper, place);
#endif
}

/// A part of the axis, seen from the first voxel of the lines that the part is made of.
struct PartOf {
  NNUNET_INLINE PartOf(const StretchOf<float>& x, const LinePart& part)
      : low(x.low + part.begin),
        high(x.high + part.begin),
        low_weight(x.low_weight + part.begin),
        high_weight(x.high_weight + part.begin),
        from(static_cast<std::int32_t>(part.from)),
        count(part.end - part.begin) {}
  const std::int32_t *low, *high;
  const float *low_weight, *high_weight;
  std::int32_t from;
  std::int64_t count;
};

/// Takes class k's line into the best of voxels [begin, count).
NNUNET_INLINE void take_class(const PartOf& part, std::int64_t begin, const float* room, std::int32_t k, bool first,
                              const RoughBest& to) {
  float *best = to.best, *second = to.second;
  std::int32_t* label = to.label;
#pragma omp simd
  for (std::int64_t i = begin; i < part.count; ++i) {
    const float value =
        part.low_weight[i] * room[part.low[i] - part.from] + part.high_weight[i] * room[part.high[i] - part.from];
    const float held = first ? value : best[i];
    const bool larger = value > held;
    const float loser = larger ? held : value;
    second[i] = !first && loser > second[i] ? loser : second[i];
    best[i] = larger ? value : held;
    label[i] = first || larger ? k : label[i];
  }
}

constexpr Vectorized rough_loop = [](const LineMix& mix, std::span<const std::int32_t> classes, const PartOf& part,
                                     std::int64_t width, float* room, const RoughBest& to) NNUNET_INLINED {
  for (const std::int32_t k : classes) {
    mix_widened(mix, k, part.from, width, room);
    take_class(part, 0, room, k, k == classes.front(), to);
  }
};

/// rough_loop for lines of at most 32 voxels on processors that pick from two registers of 16 in one instruction, which
/// is several times as fast as looking voxels up in memory.
constexpr Vectorized rough_picking_loop = [](const LineMix& mix, std::span<const std::int32_t> classes,
                                             const PartOf& part, std::int64_t width, float* room,
                                             const RoughBest& to) NNUNET_INLINED {
  using Floats [[gnu::vector_size(64)]] = float;
  using Numbers [[gnu::vector_size(64)]] = std::int32_t;
  constexpr std::int64_t kLanes = 16;
  static_assert(kBoundWidth == 2 * kLanes);
  const auto load = [](auto& vector, const auto* from) NNUNET_INLINED { std::memcpy(&vector, from, sizeof(vector)); };
  const auto store = [](auto* into, const auto& vector) NNUNET_INLINED { std::memcpy(into, &vector, sizeof(vector)); };
  const std::int64_t whole = part.count / kLanes * kLanes;
  for (const std::int32_t k : classes) {
    mix_widened(mix, k, part.from, width, room);
    const bool first = k == classes.front();
    Floats lower, upper;
    load(lower, room);
    load(upper, room + kLanes);
    for (std::int64_t i = 0; i < whole; i += kLanes) {
      Numbers low, high, label;
      Floats low_weight, high_weight, low_value, high_value, best, second;
      load(low, part.low + i);
      load(high, part.high + i);
      load(low_weight, part.low_weight + i);
      load(high_weight, part.high_weight + i);
      pick(lower, upper, low - part.from, low_value);
      pick(lower, upper, high - part.from, high_value);
      const Floats value = low_weight * low_value + high_weight * high_value;
      load(second, to.second + i);
      if (first) {
        best = value;
        label = Numbers{} + k;
      } else {
        load(best, to.best + i);
        load(label, to.label + i);
        const Numbers larger = value > best;
        const Floats loser = larger ? best : value;
        second = loser > second ? loser : second;
        best = larger ? value : best;
        label = larger ? Numbers{} + k : label;
      }
      store(to.best + i, best);
      store(to.second + i, second);
      store(to.label + i, label);
    }
    take_class(part, whole, room, k, first, to);
  }
};

constexpr Vectorized widened_loop = [](const LineMix& mix, std::int64_t k, const StretchOf<float>& x, bool same,
                                       float* room, float* to) NNUNET_INLINED {
  mix_widened(mix, k, 0, mix.width, room);
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

void rough_largest(const LineMix& mix, std::span<const std::int32_t> classes, const StretchOf<float>& x,
                   const LinePart& part, float* room, const RoughBest& to) {
  const PartOf voxels(x, part);
  std::fill_n(to.second, voxels.count, -std::numeric_limits<float>::infinity());
  if (part.width <= kBoundWidth && chosen_isa() >= Isa::avx512)
    rough_picking_loop(mix, classes, voxels, part.width, room, to);
  else
    rough_loop(mix, classes, voxels, part.width, room, to);
}

float room_for_rounding(float best, float second, float magnitude) {
  // Two numbers further apart than float16's steps there are not rounded to the same one; the steps are 2^-10 of the
  // larger one at most, 2^-24 at least. Mixing and stretching in float is off by less than ten roundings.
  const float step = 0x1.01p-10F * std::max(std::abs(best), std::abs(second)) + 0x1p-23F;
  return step + 2 * 0x1p-20F * magnitude;
}

std::int32_t largest_half(const LineMix& mix, std::span<const std::int32_t> classes, const StretchOf<double>& x,
                          std::int64_t voxel) {
  std::int32_t label = classes.front();
  float best = 0;
  for (const std::int32_t k : classes) {
    double sum = 0;
    for (int i = 0; i < mix.count; ++i) {
      const Half* line = half_line(mix, i, k);
      const double z = mix.z_weight[i], y = mix.y_weight[i];
      sum += static_cast<double>(half_to_float(line[x.low[voxel]])) * z * y * x.low_weight[voxel];
      sum += static_cast<double>(half_to_float(line[x.high[voxel]])) * z * y * x.high_weight[voxel];
    }
    const float value = rounded_to_half(sum);
    if (k != classes.front() && !(value > best)) continue;
    best = value;
    label = k;
  }
  return label;
}

float largest_magnitude(const LineMix& mix, const std::int16_t* bounds, std::span<const std::int32_t> classes) {
  int most = 0;
  for (const std::int32_t k : classes) most = std::max({most, -bounds[k], +bounds[mix.classes + k]});
  return half_to_float(static_cast<Half>(most));
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
