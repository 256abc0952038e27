#include "exponential.h"
#include "loss_blocks.h"
#include "nnunet/core/vectorized.h"

namespace nnunet::kernels {
namespace {

/// A block of one sample's label, and one region of it.
struct RegionBlock {
  std::uint8_t label[kLossBlock];  ///< 255, which no region has, beyond the end
  float known[kLossBlock];         ///< 1 where the voxel counts, else 0
  float x[kLossBlock], truth[kLossBlock], p[kLossBlock], cross_entropy[kLossBlock];
};

NNUNET_INLINE void fetch_label(const std::uint8_t* label, std::int64_t count, std::int64_t labels, RegionBlock& b) {
  for (std::int64_t v = 0; v < count; ++v) b.label[v] = label[v];
  for (std::int64_t v = count; v < kLossBlock; ++v) b.label[v] = 255;
  for (std::int64_t v = 0; v < kLossBlock; ++v) b.known[v] = b.label[v] < labels ? 1.0f : 0.0f;
}

/// Of b.x: probability and binary cross entropy.
NNUNET_INLINE void sigmoid(const float* member, RegionBlock& b) {
  for (std::int64_t v = 0; v < kLossBlock; ++v) b.truth[v] = member[b.label[v]];
  for (std::int64_t v = 0; v < kLossBlock; ++v) {
    const float x = b.x[v], small = fast_exp(x < 0 ? x : -x), one = 1.0f / (1.0f + small);
    b.p[v] = x < 0 ? small * one : one;
    b.cross_entropy[v] = (x < 0 ? 0.0f : x) - x * b.truth[v] + fast_log(1.0f + small);
  }
}

/// Adds a piece's sums; sums: intersection, probability, label (3K), in float.
constexpr Vectorized region_sums = []<class T>(const T* logits, const std::uint8_t* label, const LossShape& s,
                                               const RegionTable& table, const LossPiece& piece, RegionBlock& b,
                                               float* sums, float& loss) NNUNET_INLINED {
  for (std::int64_t begin = piece.begin; begin < piece.end; begin += kLossBlock) {
    const std::int64_t count = std::min(kLossBlock, piece.end - begin);
    const LossPlace place = place_of(s, piece.sample, begin);
    fetch_label(label + piece.sample * s.voxels + begin, count, table.labels, b);
    for (std::int64_t k = 0; k < s.classes; ++k) {
      fetch_class(logits, place, k, count, b.x);
      sigmoid(table.member + 256 * k, b);
      float both = 0, size = 0, voxels = 0, total = 0;
#pragma omp simd reduction(+ : both, size, voxels, total)
      for (std::int64_t v = 0; v < kLossBlock; ++v) {
        const float p = b.known[v] > 0 ? b.p[v] : 0.0f;
        both += b.truth[v] * p;
        size += p;
        voxels += b.truth[v];
        total += b.known[v] > 0 ? b.cross_entropy[v] : 0.0f;
      }
      sums[k] += both;
      sums[s.classes + k] += size;
      sums[2 * s.classes + k] += voxels;
      loss += total;
    }
  }
};

/// dL/dx = p (1 - p) dL/dp, plus the cross entropy's p - t.
constexpr Vectorized region_gradient = []<class T>(const T* logits, const std::uint8_t* label, T* gradient,
                                                   const LossShape& s, const RegionTable& table, const LossPiece& piece,
                                                   const LossDerivatives& by, RegionBlock& b) NNUNET_INLINED {
  const float* const by_intersection = by.by_intersection + piece.sample * by.sample_step;
  const float* const by_probability = by.by_probability + piece.sample * by.sample_step;
  for (std::int64_t begin = piece.begin; begin < piece.end; begin += kLossBlock) {
    const std::int64_t count = std::min(kLossBlock, piece.end - begin);
    const LossPlace place = place_of(s, piece.sample, begin);
    fetch_label(label + piece.sample * s.voxels + begin, count, table.labels, b);
    for (std::int64_t k = 0; k < s.classes; ++k) {
      fetch_class(logits, place, k, count, b.x);
      sigmoid(table.member + 256 * k, b);
      for (std::int64_t v = 0; v < kLossBlock; ++v) {
        const float p = b.p[v], t = b.truth[v];
        const float g = p * (1.0f - p) * (by_probability[k] + t * by_intersection[k]) + by.by_loss * (p - t);
        b.x[v] = b.known[v] > 0 ? g : 0.0f;
      }
      store_class(b.x, place, k, count, gradient);
    }
  }
};

}  // namespace

template <class T>
LossSums region_loss_forward(const T* logits, const std::uint8_t* label, const LossShape& shape,
                             const RegionTable& table) {
  const std::vector<LossPiece> pieces = cut_loss(shape);
  const auto count = static_cast<std::int64_t>(pieces.size());
  LossPieceSums parts(pieces.size(), shape.classes);
#pragma omp parallel for schedule(static) if (count > 1)
  for (std::int64_t i = 0; i < count; ++i) {
    const auto p = static_cast<std::size_t>(i);
    RegionBlock block;
    region_sums(logits, label, shape, table, pieces[p], block, parts.of(p), parts.losses[p]);
  }
  return add_up(pieces, parts, shape);
}

template <class T>
void region_loss_backward(const T* logits, const std::uint8_t* label, T* gradient, const LossShape& shape,
                          const RegionTable& table, const LossDerivatives& by) {
  const std::vector<LossPiece> pieces = cut_loss(shape);
  const auto count = static_cast<std::int64_t>(pieces.size());
#pragma omp parallel for schedule(static) if (count > 1)
  for (std::int64_t i = 0; i < count; ++i) {
    RegionBlock block;
    region_gradient(logits, label, gradient, shape, table, pieces[static_cast<std::size_t>(i)], by, block);
  }
}

template LossSums region_loss_forward(const float*, const std::uint8_t*, const LossShape&, const RegionTable&);
template LossSums region_loss_forward(const Bfloat16*, const std::uint8_t*, const LossShape&, const RegionTable&);
template void region_loss_backward(const float*, const std::uint8_t*, float*, const LossShape&, const RegionTable&,
                                   const LossDerivatives&);
template void region_loss_backward(const Bfloat16*, const std::uint8_t*, Bfloat16*, const LossShape&,
                                   const RegionTable&, const LossDerivatives&);

}  // namespace nnunet::kernels
