// Inner loops of the sliding window, without torch: pointers, counts and strides.
#include "window_kernels.h"

#include <algorithm>
#include <array>
#include <bit>

#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

using Bf16 = std::uint16_t;  // the upper half of a float

NNUNET_INLINE float widened(float value) {
  return value;
}
NNUNET_INLINE float widened(Bf16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

template <bool Mirrored>
NNUNET_INLINE float& voxel(float* sum, std::int64_t x) {
  return Mirrored ? sum[-x] : sum[x];
}

/// Logits with a class's voxels side by side.
template <bool Mirrored, class T>
NNUNET_INLINE void add_planar(const LogitLine& l) {
  for (std::int64_t k = 0; k < l.classes; ++k) {
    const T* logits = static_cast<const T*>(l.logits) + k * l.class_stride;
    float* sum = l.sum + k * l.sum_class_stride;
#pragma omp simd
    for (std::int64_t x = 0; x < l.count; ++x) voxel<Mirrored>(sum, x) += l.weight[x] * widened(logits[x]);
  }
}

/// Logits with a voxel's classes side by side: weighted as they lie in blocks that stay in the first-level cache, and
/// added from there across.
template <bool Mirrored, class T>
NNUNET_INLINE void add_interleaved(const LogitLine& l) {
  constexpr std::int64_t kVoxels = 16, kClasses = 256;
  std::array<float, kVoxels * kClasses> block;
  for (std::int64_t x0 = 0; x0 < l.count; x0 += kVoxels) {
    const std::int64_t n = std::min(kVoxels, l.count - x0);
    for (std::int64_t k0 = 0; k0 < l.classes; k0 += kClasses) {
      const std::int64_t classes = std::min(kClasses, l.classes - k0);
      for (std::int64_t x = 0; x < n; ++x) {
        const T* logits = static_cast<const T*>(l.logits) + (x0 + x) * l.x_stride + k0;
        const float weight = l.weight[x0 + x];
        float* to = block.data() + x * classes;
#pragma omp simd
        for (std::int64_t k = 0; k < classes; ++k) to[k] = weight * widened(logits[k]);
      }
      for (std::int64_t k = 0; k < classes; ++k) {
        float* sum = l.sum + (k0 + k) * l.sum_class_stride + (Mirrored ? -x0 : x0);
        const float* from = block.data() + k;
        if (n == kVoxels) {
#pragma omp simd
          for (std::int64_t x = 0; x < kVoxels; ++x) voxel<Mirrored>(sum, x) += from[x * classes];
        } else {
          for (std::int64_t x = 0; x < n; ++x) voxel<Mirrored>(sum, x) += from[x * classes];
        }
      }
    }
  }
}

template <class T>
NNUNET_INLINE void add_line_of(const LogitLine& l) {
  if (l.x_stride == 1)
    l.mirrored ? add_planar<true, T>(l) : add_planar<false, T>(l);
  else
    l.mirrored ? add_interleaved<true, T>(l) : add_interleaved<false, T>(l);
}

constexpr Vectorized add_line_loop = [](const LogitLine& line) NNUNET_INLINED {
  line.bf16 ? add_line_of<Bf16>(line) : add_line_of<float>(line);
};

constexpr Vectorized add_loop = [](const float* from, float* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
};

constexpr Vectorized add_mirrored_loop = [](const float* from, float* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[-i];
};

constexpr Vectorized divide_loop = [](float* values, float by, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) values[i] /= by;
};

constexpr Vectorized multiply_loop = [](const float* a, const float* b, float* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = a[i] * b[i];
};

constexpr Vectorized invert_loop = [](float* values, float factor, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) values[i] = 1.0F / (values[i] * factor);
};

constexpr Vectorized mirror_loop = [](const float* from, float* to, std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[-i];
};

}  // namespace

void add_line(const LogitLine& line) {
  add_line_loop(line);
}
void add_values(const float* from, float* to, std::int64_t count) {
  add_loop(from, to, count);
}
void add_mirrored(const float* from, float* to, std::int64_t count) {
  add_mirrored_loop(from, to, count);
}
void divide_values(float* values, float by, std::int64_t count) {
  divide_loop(values, by, count);
}
void multiply_values(const float* a, const float* b, float* to, std::int64_t count) {
  multiply_loop(a, b, to, count);
}
void invert_values(float* values, float factor, std::int64_t count) {
  invert_loop(values, factor, count);
}
void copy_mirrored(const float* from, float* to, std::int64_t count) {
  mirror_loop(from, to, count);
}

}  // namespace nnunet
