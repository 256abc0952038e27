#include "nnunet/kernels/segmentation_loss.h"

#include <algorithm>
#include <limits>

#include "exponential.h"
#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"

// Blocks of voxels are brought into a buffer (K, block) in the cache, where every loop runs over voxels, whatever the
// layout and the number of classes.
namespace nnunet::kernels {
namespace {

constexpr std::int64_t kBlock = 64;    // voxels: 105 classes of them are 27 kB
constexpr std::int64_t kPiece = 8192;  // voxels whose sums are kept in float; a thread's unit of work

struct Piece {
  std::int64_t sample, begin, end;  ///< voxels
};

std::vector<Piece> cut(const LossShape& s) {
  std::vector<Piece> pieces;
  for (std::int64_t n = 0; n < s.samples; ++n)
    for (std::int64_t v = 0; v < s.voxels; v += kPiece) pieces.push_back({n, v, std::min(v + kPiece, s.voxels)});
  return pieces;
}

/// Where class 0 of a voxel lies, and the step to the next class and to the next voxel.
struct Place {
  std::int64_t first, by_class, by_voxel;
};
Place place_of(const LossShape& s, std::int64_t sample, std::int64_t voxel) {
  const std::int64_t start = sample * s.classes * s.voxels;
  if (s.layout == Layout::channels_last) return {start + voxel * s.classes, 1, s.classes};
  return {start + voxel, s.voxels, 1};
}

/// A block of kBlock voxels; those beyond `count` repeat nothing and count for nothing (logits 0, no label).
struct Block {
  explicit Block(std::int64_t classes) : p(static_cast<std::size_t>(classes * kBlock)) {}
  std::vector<float> p;  ///< (K, kBlock): logits, then probabilities, then gradients
  float label[kBlock];   ///< as float, -1 beyond the end
  float true_p[kBlock], nll[kBlock];
};

template <class T>
NNUNET_INLINE void fetch(const T* logits, const Place& place, std::int64_t classes, std::int64_t count, float* p) {
  for (std::int64_t k = 0; k < classes; ++k) {
    const T* const from = logits + place.first + k * place.by_class;
    for (std::int64_t v = 0; v < count; ++v) p[k * kBlock + v] = to_float(from[v * place.by_voxel]);
    for (std::int64_t v = count; v < kBlock; ++v) p[k * kBlock + v] = 0;
  }
}

/// Logits to probabilities; fills true_p and nll = -log of it (0 where there is no label).
NNUNET_INLINE void softmax(Block& b, std::int64_t classes) {
  float* const p = b.p.data();
  float top[kBlock], sum[kBlock], true_logit[kBlock];
  for (std::int64_t v = 0; v < kBlock; ++v) top[v] = p[v];
  for (std::int64_t k = 1; k < classes; ++k)
    for (std::int64_t v = 0; v < kBlock; ++v) top[v] = p[k * kBlock + v] > top[v] ? p[k * kBlock + v] : top[v];
  for (std::int64_t v = 0; v < kBlock; ++v) sum[v] = 0, true_logit[v] = top[v], b.true_p[v] = 0;
  for (std::int64_t k = 0; k < classes; ++k) {
    const auto number = static_cast<float>(k);
    float* const row = p + k * kBlock;
    for (std::int64_t v = 0; v < kBlock; ++v) {
      true_logit[v] = b.label[v] == number ? row[v] : true_logit[v];
      row[v] = fast_exp(row[v] - top[v]);
      sum[v] += row[v];
    }
  }
  for (std::int64_t v = 0; v < kBlock; ++v) b.nll[v] = fast_log(sum[v]) + top[v] - true_logit[v];
  for (std::int64_t v = 0; v < kBlock; ++v) sum[v] = 1.0f / sum[v];
  for (std::int64_t k = 0; k < classes; ++k) {
    const auto number = static_cast<float>(k);
    float* const row = p + k * kBlock;
    for (std::int64_t v = 0; v < kBlock; ++v) {
      row[v] *= sum[v];
      b.true_p[v] = b.label[v] == number ? row[v] : b.true_p[v];
    }
  }
}

NNUNET_INLINE void fetch_label(const std::uint8_t* label, std::int64_t count, std::int64_t classes, float* to) {
  for (std::int64_t v = 0; v < count; ++v) to[v] = label[v] < classes ? static_cast<float>(label[v]) : -1.0f;
  for (std::int64_t v = count; v < kBlock; ++v) to[v] = -1.0f;
}

/// Adds a piece's sums; sums: intersection, probability, label (3K), in float.
constexpr Vectorized sums_of = []<class T>(const T* logits, const std::uint8_t* label, const LossShape& s,
                                           const Piece& piece, bool focal, Block& b, float* sums, float& loss)
                                   NNUNET_INLINED {
                                     for (std::int64_t begin = piece.begin; begin < piece.end; begin += kBlock) {
                                       const std::int64_t count = std::min(kBlock, piece.end - begin);
                                       fetch(logits, place_of(s, piece.sample, begin), s.classes, count, b.p.data());
                                       fetch_label(label + piece.sample * s.voxels + begin, count, s.classes, b.label);
                                       softmax(b, s.classes);
                                       for (std::int64_t k = 0; k < s.classes; ++k) {
                                         const auto number = static_cast<float>(k);
                                         const float* const row = b.p.data() + k * kBlock;
                                         float both = 0, size = 0, voxels = 0;
      // Labels beyond the end are -1, and so probabilities there are left out.
#pragma omp simd reduction(+ : both, voxels)
                                         for (std::int64_t v = 0; v < kBlock; ++v) {
                                           both += b.label[v] == number ? row[v] : 0.0f;
                                           voxels += b.label[v] == number ? 1.0f : 0.0f;
                                         }
#pragma omp simd reduction(+ : size)
                                         for (std::int64_t v = 0; v < count; ++v) size += row[v];
                                         sums[k] += both;
                                         sums[s.classes + k] += size;
                                         sums[2 * s.classes + k] += voxels;
                                       }
                                       float total = 0;
#pragma omp simd reduction(+ : total)
                                       for (std::int64_t v = 0; v < kBlock; ++v) {
                                         const float miss = 1.0f - b.true_p[v];
                                         const float value = focal ? miss * miss * b.nll[v] : b.nll[v];
                                         total += b.label[v] >= 0 ? value : 0.0f;
                                       }
                                       loss += total;
                                     }
                                   };

/// With g_k = dL/dp_k, dL/dlogit_k = p_k (g_k - sum_j p_j g_j), plus the cross entropy's p_k - [t = k].
constexpr Vectorized gradient_of = []<class T>(const T* logits, const std::uint8_t* label, T* gradient,
                                               const LossShape& s, const Piece& piece, bool focal,
                                               const float* by_intersection, const float* by_probability, float by_loss,
                                               Block& b) NNUNET_INLINED {
  for (std::int64_t begin = piece.begin; begin < piece.end; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, piece.end - begin);
    const Place place = place_of(s, piece.sample, begin);
    fetch(logits, place, s.classes, count, b.p.data());
    fetch_label(label + piece.sample * s.voxels + begin, count, s.classes, b.label);
    softmax(b, s.classes);

    // The true class's own term of the second loss: its derivative by p_t, times p_t.
    float own[kBlock], all[kBlock], cross[kBlock];
    for (std::int64_t v = 0; v < kBlock; ++v) {
      const float p = b.true_p[v], miss = 1.0f - p;
      const float focal_own = by_loss * (-2.0f * p * miss * b.nll[v] - miss * miss);
      const bool known = b.label[v] >= 0;
      own[v] = focal && known ? focal_own : 0.0f;
      cross[v] = !focal && known ? by_loss : 0.0f;
      all[v] = own[v];
    }
    for (std::int64_t k = 0; k < s.classes; ++k) {
      const auto number = static_cast<float>(k);
      const float* const row = b.p.data() + k * kBlock;
      for (std::int64_t v = 0; v < kBlock; ++v)
        all[v] += row[v] * (by_probability[k] + (b.label[v] == number ? by_intersection[k] : 0.0f));
    }
    for (std::int64_t k = 0; k < s.classes; ++k) {
      const auto number = static_cast<float>(k);
      float* const row = b.p.data() + k * kBlock;
      for (std::int64_t v = 0; v < kBlock; ++v) {
        const bool is_class = b.label[v] == number;
        const float g = by_probability[k] + (is_class ? by_intersection[k] : 0.0f);
        row[v] = row[v] * (g - all[v] + cross[v]) + (is_class ? own[v] - cross[v] : 0.0f);
      }
    }
    for (std::int64_t k = 0; k < s.classes; ++k) {
      T* const to = gradient + place.first + k * place.by_class;
      for (std::int64_t v = 0; v < count; ++v)
        from_float(b.p[static_cast<std::size_t>(k * kBlock + v)], to[v * place.by_voxel]);
    }
  }
};

}  // namespace

template <class T>
LossSums loss_forward(const T* logits, const std::uint8_t* label, const LossShape& shape, bool focal) {
  const std::vector<Piece> pieces = cut(shape);
  const auto count = static_cast<std::int64_t>(pieces.size());
  const auto width = static_cast<std::size_t>(3 * shape.classes);
  std::vector<float> sums(pieces.size() * width), losses(pieces.size());
#pragma omp parallel if (count > 1)
  {
    Block block(shape.classes);
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const auto p = static_cast<std::size_t>(i);
      sums_of(logits, label, shape, pieces[p], focal, block, sums.data() + p * width, losses[p]);
    }
  }
  LossSums result;
  const auto classes = static_cast<std::size_t>(shape.classes);
  for (auto* const part : {&result.intersection, &result.probability, &result.label}) part->assign(classes, 0.0);
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    result.loss += static_cast<double>(losses[p]);
    for (std::size_t k = 0; k < classes; ++k) {
      result.intersection[k] += static_cast<double>(sums[p * width + k]);
      result.probability[k] += static_cast<double>(sums[p * width + classes + k]);
      result.label[k] += static_cast<double>(sums[p * width + 2 * classes + k]);
    }
  }
  return result;
}

template <class T>
void loss_backward(const T* logits, const std::uint8_t* label, T* gradient, const LossShape& shape, bool focal,
                   const float* by_intersection, const float* by_probability, float by_loss) {
  const std::vector<Piece> pieces = cut(shape);
  const auto count = static_cast<std::int64_t>(pieces.size());
#pragma omp parallel if (count > 1)
  {
    Block block(shape.classes);
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < count; ++i)
      gradient_of(logits, label, gradient, shape, pieces[static_cast<std::size_t>(i)], focal, by_intersection,
                  by_probability, by_loss, block);
  }
}

template LossSums loss_forward(const float*, const std::uint8_t*, const LossShape&, bool);
template LossSums loss_forward(const Bfloat16*, const std::uint8_t*, const LossShape&, bool);
template void loss_backward(const float*, const std::uint8_t*, float*, const LossShape&, bool, const float*,
                            const float*, float);
template void loss_backward(const Bfloat16*, const std::uint8_t*, Bfloat16*, const LossShape&, bool, const float*,
                            const float*, float);

}  // namespace nnunet::kernels
