#include "nnunet/kernels/segmentation_loss.h"

#include "exponential.h"
#include "loss_blocks.h"
#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"

namespace nnunet::kernels {
namespace {

constexpr std::int64_t kBlock = kLossBlock;

/// A block of kBlock voxels; those beyond `count` repeat nothing and count for nothing (logits 0, no label).
struct Block {
  explicit Block(std::int64_t classes) : p(static_cast<std::size_t>(classes * kBlock)) {}
  std::vector<float> p;  ///< (K, kBlock): logits, then probabilities, then gradients
  float label[kBlock];   ///< as float, -1 beyond the end
  float true_p[kBlock], nll[kBlock];
};

template <class T>
NNUNET_INLINE void fetch(const T* logits, const LossPlace& place, std::int64_t classes, std::int64_t count, float* p) {
  for (std::int64_t k = 0; k < classes; ++k) fetch_class(logits, place, k, count, p + k * kBlock);
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
                                           const LossPiece& piece, bool focal, Block& b, float* sums, float& loss)
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
      // Without a class, and beyond the end, the label is -1.
#pragma omp simd reduction(+ : both, size, voxels)
                                         for (std::int64_t v = 0; v < kBlock; ++v) {
                                           both += b.label[v] == number ? row[v] : 0.0f;
                                           size += b.label[v] >= 0 ? row[v] : 0.0f;
                                           voxels += b.label[v] == number ? 1.0f : 0.0f;
                                         }
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
                                               const LossShape& s, const LossPiece& piece, bool focal,
                                               const LossDerivatives& by, Block& b) NNUNET_INLINED {
  const float* const by_intersection = by.by_intersection + piece.sample * by.sample_step;
  const float* const by_probability = by.by_probability + piece.sample * by.sample_step;
  for (std::int64_t begin = piece.begin; begin < piece.end; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, piece.end - begin);
    const LossPlace place = place_of(s, piece.sample, begin);
    fetch(logits, place, s.classes, count, b.p.data());
    fetch_label(label + piece.sample * s.voxels + begin, count, s.classes, b.label);
    softmax(b, s.classes);

    // The true class's own term of the second loss: its derivative by p_t, times p_t.
    float own[kBlock], all[kBlock], cross[kBlock], counts[kBlock];
    for (std::int64_t v = 0; v < kBlock; ++v) {
      const float p = b.true_p[v], miss = 1.0f - p;
      const float focal_own = by.by_loss * (-2.0f * p * miss * b.nll[v] - miss * miss);
      const bool known = b.label[v] >= 0;
      own[v] = focal && known ? focal_own : 0.0f;
      cross[v] = !focal && known ? by.by_loss : 0.0f;
      counts[v] = known ? 1.0f : 0.0f;
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
        row[v] = counts[v] * row[v] * (g - all[v] + cross[v]) + (is_class ? own[v] - cross[v] : 0.0f);
      }
    }
    for (std::int64_t k = 0; k < s.classes; ++k) store_class(b.p.data() + k * kBlock, place, k, count, gradient);
  }
};

}  // namespace

LossSums LossSums::over_samples(std::int64_t classes) const {
  LossSums sum;
  sum.loss = loss;
  const auto width = static_cast<std::size_t>(classes);
  const auto fold = [&](const std::vector<double>& from, std::vector<double>& to) {
    to.assign(width, 0.0);
    for (std::size_t i = 0; i < from.size(); ++i) to[i % width] += from[i];
  };
  fold(intersection, sum.intersection);
  fold(probability, sum.probability);
  fold(label, sum.label);
  return sum;
}

LossSums add_up(const std::vector<LossPiece>& pieces, const LossPieceSums& parts, const LossShape& shape) {
  LossSums result;
  const auto classes = static_cast<std::size_t>(shape.classes);
  for (auto* const part : {&result.intersection, &result.probability, &result.label})
    part->assign(static_cast<std::size_t>(shape.samples) * classes, 0.0);
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    result.loss += static_cast<double>(parts.losses[p]);
    const float* const sums = parts.sums.data() + p * parts.width;
    const std::size_t sample = static_cast<std::size_t>(pieces[p].sample) * classes;
    for (std::size_t k = 0; k < classes; ++k) {
      result.intersection[sample + k] += static_cast<double>(sums[k]);
      result.probability[sample + k] += static_cast<double>(sums[classes + k]);
      result.label[sample + k] += static_cast<double>(sums[2 * classes + k]);
    }
  }
  return result;
}

template <class T>
LossSums loss_forward(const T* logits, const std::uint8_t* label, const LossShape& shape, bool focal) {
  const std::vector<LossPiece> pieces = cut_loss(shape);
  const auto count = static_cast<std::int64_t>(pieces.size());
  LossPieceSums parts(pieces.size(), shape.classes);
#pragma omp parallel if (count > 1)
  {
    Block block(shape.classes);
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const auto p = static_cast<std::size_t>(i);
      sums_of(logits, label, shape, pieces[p], focal, block, parts.of(p), parts.losses[p]);
    }
  }
  return add_up(pieces, parts, shape);
}

template <class T>
void loss_backward(const T* logits, const std::uint8_t* label, T* gradient, const LossShape& shape, bool focal,
                   const LossDerivatives& by) {
  const std::vector<LossPiece> pieces = cut_loss(shape);
  const auto count = static_cast<std::int64_t>(pieces.size());
#pragma omp parallel if (count > 1)
  {
    Block block(shape.classes);
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < count; ++i)
      gradient_of(logits, label, gradient, shape, pieces[static_cast<std::size_t>(i)], focal, by, block);
  }
}

template LossSums loss_forward(const float*, const std::uint8_t*, const LossShape&, bool);
template LossSums loss_forward(const Bfloat16*, const std::uint8_t*, const LossShape&, bool);
template void loss_backward(const float*, const std::uint8_t*, float*, const LossShape&, bool, const LossDerivatives&);
template void loss_backward(const Bfloat16*, const std::uint8_t*, Bfloat16*, const LossShape&, bool,
                            const LossDerivatives&);

}  // namespace nnunet::kernels
