// Inner loops of the way back to the original grid for float16 logits. Compiled without contraction to fused
// multiply-adds, so that all vector units give the same digits.
#include "half_restore_kernels.h"

#include "half_lanes.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

using Half = std::uint16_t;

/// Class k of the mix, along y and z.
template <class T>
NNUNET_INLINE void mix_halves(const LineMix& mix, std::int64_t k, T* room) {
  const Half* line[4];
  T weight[4];
  for (int i = 0; i < mix.count; ++i) {
    line[i] = static_cast<const Half*>(mix.line[i]) + k * mix.class_stride;
    weight[i] = static_cast<T>(mix.weight[i]);
  }
  const auto value = [&](int i, std::int64_t x)
                         NNUNET_INLINED { return weight[i] * static_cast<T>(half_to_float(line[i][x])); };
  switch (mix.count) {
    case 1:  // its weight is 1
#pragma omp simd
      for (std::int64_t x = 0; x < mix.width; ++x) room[x] = static_cast<T>(half_to_float(line[0][x]));
      break;
    case 2:
#pragma omp simd
      for (std::int64_t x = 0; x < mix.width; ++x) room[x] = value(0, x) + value(1, x);
      break;
    default:
#pragma omp simd
      for (std::int64_t x = 0; x < mix.width; ++x) room[x] = value(0, x) + value(1, x) + value(2, x) + value(3, x);
  }
}

NNUNET_INLINE float result(double value) {
  return rounded_to_half(value);
}
NNUNET_INLINE float result(float value) {
  return value;
}

constexpr Vectorized stretch_loop = []<class T>(const LineMix& mix, std::int64_t k, const StretchOf<T>& x, bool same,
                                                T* room, float* to) NNUNET_INLINED {
  mix_halves(mix, k, room);
  if (same) {
#pragma omp simd
    for (std::int64_t i = 0; i < x.count; ++i) to[i] = result(room[i]);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < x.count; ++i)
      to[i] = result(x.low_weight[i] * room[x.low[i]] + x.high_weight[i] * room[x.high[i]]);
  }
};

}  // namespace

void stretch_halves(const LineMix& mix, std::int64_t k, const StretchOf<double>& x, bool same, double* room,
                    float* to) {
  stretch_loop(mix, k, x, same, room, to);
}

void stretch_widened_halves(const LineMix& mix, std::int64_t k, const StretchOf<float>& x, bool same, float* room,
                            float* to) {
  stretch_loop(mix, k, x, same, room, to);
}

}  // namespace nnunet
