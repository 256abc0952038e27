#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "nnunet/core/simd.h"
#include "nnunet/kernels/segmentation_loss.h"

/// How the losses' passes are cut: blocks of voxels are brought into a buffer (K, block) in the cache, where every loop
/// runs over voxels, whatever the layout and the number of classes.
namespace nnunet::kernels {

inline constexpr std::int64_t kLossBlock = 64;    // voxels: 105 classes of them are 27 kB
inline constexpr std::int64_t kLossPiece = 8192;  // voxels whose sums are kept in float; a thread's unit of work

struct LossPiece {
  std::int64_t sample, begin, end;  ///< voxels
};

inline std::vector<LossPiece> cut_loss(const LossShape& s) {
  std::vector<LossPiece> pieces;
  for (std::int64_t n = 0; n < s.samples; ++n)
    for (std::int64_t v = 0; v < s.voxels; v += kLossPiece)
      pieces.push_back({n, v, std::min(v + kLossPiece, s.voxels)});
  return pieces;
}

/// The sums of pieces: of each intersection, probability and label (3K), and the voxelwise term.
struct LossPieceSums {
  LossPieceSums(std::size_t pieces, std::int64_t classes)
      : width(static_cast<std::size_t>(3 * classes)), sums(pieces * width), losses(pieces) {}
  float* of(std::size_t piece) { return sums.data() + piece * width; }

  std::size_t width;
  std::vector<float> sums, losses;
};

/// Added up in the order of the pieces.
LossSums add_up(const std::vector<LossPiece>& pieces, const LossPieceSums& parts, const LossShape& shape);

/// Where class 0 of a voxel lies, and the step to the next class and to the next voxel.
struct LossPlace {
  std::int64_t first, by_class, by_voxel;
};
NNUNET_INLINE LossPlace place_of(const LossShape& s, std::int64_t sample, std::int64_t voxel) {
  const std::int64_t start = sample * s.classes * s.voxels;
  if (s.layout == Layout::channels_last) return {start + voxel * s.classes, 1, s.classes};
  return {start + voxel, s.voxels, 1};
}

/// A class of a block: `count` voxels, then zeros.
template <class T>
NNUNET_INLINE void fetch_class(const T* logits, const LossPlace& place, std::int64_t k, std::int64_t count, float* to) {
  const T* const from = logits + place.first + k * place.by_class;
  if (place.by_voxel == 1)
    for (std::int64_t v = 0; v < count; ++v) to[v] = to_float(from[v]);
  else
    for (std::int64_t v = 0; v < count; ++v) to[v] = to_float(from[v * place.by_voxel]);
  for (std::int64_t v = count; v < kLossBlock; ++v) to[v] = 0;
}

template <class T>
NNUNET_INLINE void store_class(const float* from, const LossPlace& place, std::int64_t k, std::int64_t count,
                               T* gradient) {
  T* const to = gradient + place.first + k * place.by_class;
  if (place.by_voxel == 1)
    for (std::int64_t v = 0; v < count; ++v) from_float(from[v], to[v]);
  else
    for (std::int64_t v = 0; v < count; ++v) from_float(from[v], to[v * place.by_voxel]);
}

}  // namespace nnunet::kernels
