#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "direct_kernels.h"

namespace nnunet::kernels {

using Sizes3 = std::array<std::int64_t, 3>;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
inline std::int64_t volume(const Sizes3& s) {
  return s[0] * s[1] * s[2];
}

/// Where a side's block of sixteen channels lies.
struct SideBlock {
  std::size_t part = 0;
  std::int64_t block = 0, blocks = 0;       ///< within the tensor; of the tensor
  std::int64_t channel = 0, channels = 16;  ///< first channel counted over the whole side; how many there are
};
std::vector<SideBlock> side_blocks(const ConvSide& side);

/// A tensor that is read, whatever its elements are.
struct AnySource {
  const void *data = nullptr, *with = nullptr;
  const float *scale = nullptr, *shift = nullptr, *with_scale = nullptr;
  float slope = 1;
};
using AnyInput = std::array<AnySource, 2>;

template <class T>
AnySource any_source(const Source<T>& s) {
  return {s.x.data, s.with, s.scale, s.shift, s.with_scale, s.slope};
}
template <class T>
AnyInput any_input(const Input<T>& x) {
  return {any_source(x.first), any_source(x.second)};
}
inline AnyInput any_input(const float* plain) {
  AnyInput x;
  x[0].data = plain;
  return x;
}

/// Copies boxes of a side into a thread's memory: normalised, zeros beyond the borders, as float32 or bf16.
class Staging {
 public:
  /// box: the largest. pitch: elements a voxel, 16, or 4 for plain sides of so many channels at most.
  /// from_bf16: the side's elements.
  Staging(const ConvSide& side, bool from_bf16, const Sizes3& box, std::int64_t pitch, bool bf16,
          const DirectKernels& kernels);

  /// The voxels from `origin` (may lie outside) on, `size` of them (at most the box), of one channel block.
  void stage(const AnyInput& inputs, std::int64_t sample, std::int64_t block, const Sizes3& origin, const Sizes3& size,
             void* to) const;

  std::int64_t row_step() const { return box_[2] * pitch_; }  ///< elements
  std::int64_t plane_step() const { return box_[1] * row_step(); }
  std::int64_t block_step() const { return box_[0] * plane_step(); }
  std::int64_t pitch() const { return pitch_; }
  std::int64_t element_bytes() const { return bf16_ ? 2 : 4; }

 private:
  void stage_plain(const float* from, const SideBlock& block, std::int64_t before, std::int64_t count,
                   std::int64_t after, float* to) const;

  ConvSide side_;
  std::vector<SideBlock> blocks_;
  Sizes3 box_;
  std::int64_t pitch_;
  bool from_bf16_, bf16_;
  void (*row_)(const StageRow&);
};

}  // namespace nnunet::kernels
