#include "half_kernels.h"

#include <algorithm>
#include <array>
#include <bit>

#include "half_lanes.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

using Half = std::uint16_t;

struct Bf16 {
  std::uint16_t upper;  // half of a float
};

NNUNET_INLINE float widened(float value) {
  return value;
}
NNUNET_INLINE float widened(Bf16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.upper) << 16);
}

NNUNET_INLINE void add_to(Half& sum, float value) {
  sum = float_to_half(half_to_float(sum) + value);
}

/// Logits with a class's voxels side by side.
template <class T>
NNUNET_INLINE void add_planar(const LogitLine& l, Half* sums) {
  for (std::int64_t k = 0; k < l.classes; ++k) {
    const T* logits = static_cast<const T*>(l.logits) + k * l.class_stride;
    Half* sum = sums + k * l.sum_class_stride;
#pragma omp simd
    for (std::int64_t x = 0; x < l.count; ++x) add_to(sum[x], l.weight[x] * widened(logits[x]));
  }
}

/// Logits with a voxel's classes side by side: a few classes at a time are brought to planes that stay in the
/// first-level cache.
template <class T>
NNUNET_INLINE void add_interleaved(const LogitLine& l, Half* sums) {
  constexpr std::int64_t kVoxels = 64, kClasses = 16;
  std::array<float, kVoxels * kClasses> planes;
  for (std::int64_t x0 = 0; x0 < l.count; x0 += kVoxels) {
    const std::int64_t n = std::min(kVoxels, l.count - x0);
    for (std::int64_t k0 = 0; k0 < l.classes; k0 += kClasses) {
      const std::int64_t classes = std::min(kClasses, l.classes - k0);
      const T* from = static_cast<const T*>(l.logits) + x0 * l.x_stride + k0;
      for (std::int64_t x = 0; x < n; ++x)
        for (std::int64_t k = 0; k < classes; ++k)
          planes[static_cast<std::size_t>(k * kVoxels + x)] = widened(from[x * l.x_stride + k]);
      for (std::int64_t k = 0; k < classes; ++k) {
        const float* plane = planes.data() + k * kVoxels;
        Half* sum = sums + (k0 + k) * l.sum_class_stride + x0;
#pragma omp simd
        for (std::int64_t x = 0; x < n; ++x) add_to(sum[x], l.weight[x0 + x] * plane[x]);
      }
    }
  }
}

template <class T>
NNUNET_INLINE void add_line_of(const LogitLine& l, Half* sums) {
  l.x_stride == 1 ? add_planar<T>(l, sums) : add_interleaved<T>(l, sums);
}

constexpr Vectorized add_line_loop = [](const LogitLine& line, Half* sums) NNUNET_INLINED {
  line.bf16 ? add_line_of<Bf16>(line, sums) : add_line_of<float>(line, sums);
};

constexpr Vectorized add_floats_loop = [](const float* from, Half* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) add_to(to[i], from[i]);
};

constexpr Vectorized add_halves_loop = [](const Half* from, Half* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) add_to(to[i], half_to_float(from[i]));
};

constexpr Vectorized divide_loop = [](Half* values, float by, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) values[i] = float_to_half(half_to_float(values[i]) / by);
};

/// The exponent of a number that is infinite, or none, has all bits.
constexpr Half kHalfExponent = 0x7c00U;

constexpr Vectorized divide_sums_loop = [](Half* sum, const Half* weight, std::int64_t count) NNUNET_INLINED {
  std::uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
  for (std::int64_t i = 0; i < count; ++i) {
    const Half value = float_to_half(half_to_float(sum[i]) / half_to_float(weight[i]));
    sum[i] = value;
    bad |= (value & kHalfExponent) == kHalfExponent ? 1U : 0U;
  }
  return bad == 0;
};

constexpr Vectorized finite_loop = [](const Half* values, std::int64_t count) NNUNET_INLINED {
  std::uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
  for (std::int64_t i = 0; i < count; ++i) bad |= (values[i] & kHalfExponent) == kHalfExponent ? 1U : 0U;
  return bad == 0;
};

constexpr Vectorized widen_loop = [](const Half* from, float* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = half_to_float(from[i]);
};

constexpr Vectorized narrow_loop = [](const float* from, Half* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = float_to_half(from[i]);
};

}  // namespace

void add_line_to_halves(const LogitLine& line, std::uint16_t* sum) {
  add_line_loop(line, sum);
}
void add_to_halves(const float* from, std::uint16_t* to, std::int64_t count) {
  add_floats_loop(from, to, count);
}
void add_to_halves(const std::uint16_t* from, std::uint16_t* to, std::int64_t count) {
  add_halves_loop(from, to, count);
}
void divide_halves(std::uint16_t* values, float by, std::int64_t count) {
  divide_loop(values, by, count);
}
bool divide_sums(std::uint16_t* sum, const std::uint16_t* weight, std::int64_t count) {
  return divide_sums_loop(sum, weight, count);
}
bool all_finite(const std::uint16_t* values, std::int64_t count) {
  return finite_loop(values, count);
}
void widen_halves(const std::uint16_t* from, float* to, std::int64_t count) {
  widen_loop(from, to, count);
}
void narrow_to_halves(const float* from, std::uint16_t* to, std::int64_t count) {
  narrow_loop(from, to, count);
}

}  // namespace nnunet
