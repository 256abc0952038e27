#pragma once
#include <cstdint>

namespace nnunet {

/// One line (along x) of a window's logits and where it goes. Strides in values.
struct LogitLine {
  const void* logits = nullptr;  ///< float, or bf16 when bf16 is set; of the window's first voxel, class 0
  bool bf16 = false;
  std::int64_t class_stride = 0, x_stride = 0;  ///< one of them is 1
  const float* weight = nullptr;                ///< of the window's voxels
  float* sum = nullptr;                         ///< of the window's first voxel, class 0
  std::int64_t sum_class_stride = 0;
  bool mirrored = false;  ///< the window's voxel x goes to sum[-x], not to sum[x]
  std::int64_t classes = 0, count = 0;
};

/// sum += weight * logits, class by class.
void add_line(const LogitLine& line);

/// to[i] += from[i]
void add_values(const float* from, float* to, std::int64_t count);
/// to[i] += from[-i]
void add_mirrored(const float* from, float* to, std::int64_t count);
/// values[i] /= by
void divide_values(float* values, float by, std::int64_t count);
/// to[i] = a[i] * b[i]
void multiply_values(const float* a, const float* b, float* to, std::int64_t count);
/// values[i] = 1 / (factor * values[i])
void invert_values(float* values, float factor, std::int64_t count);
/// to[i] = from[-i]
void copy_mirrored(const float* from, float* to, std::int64_t count);

}  // namespace nnunet
