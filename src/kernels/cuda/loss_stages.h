#pragma once
#include <cmath>
#include <cstdint>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/half.h"
#include "nnunet/kernels/segmentation_loss.h"
#include "stages.h"

/// Sums and gradient of the Dice and cross entropy (focal) loss as in kernels/segmentation_loss.h, in stages: a thread
/// a voxel, classes kGroup at a time. Forward: Softmax (only with more classes than one group), LossPieces, LossTotals.
/// Backward: LossGradient.
namespace nnunet::kernels::cuda {

inline constexpr int kGroup = 8;  // classes whose sums fit into a thread's registers

struct LossTiles {
  std::int64_t samples, classes, voxels, by_class, by_voxel;  ///< the last two: steps in memory
  std::int64_t pieces, piece;                                 ///< of a sample; voxels in each
  int groups;

  std::int64_t statistics() const { return 3 * classes + 1; }
};

inline LossTiles make_tiles(const LossShape& s) {
  const bool last = s.layout == Layout::channels_last;
  LossTiles t{};
  t.samples = s.samples;
  t.classes = s.classes;
  t.voxels = s.voxels;
  t.by_class = last ? 1 : s.voxels;
  t.by_voxel = last ? s.classes : 1;
  t.groups = static_cast<int>(divide_up(s.classes, kGroup));
  constexpr std::int64_t kLeast = 16 * kThreads;  // voxels that are worth an item
  const std::int64_t most = larger<std::int64_t>(1, kMostItems / s.samples);
  t.piece = divide_up(s.voxels, smaller(divide_up(s.voxels, kLeast), most));
  t.pieces = divide_up(s.voxels, t.piece);
  return t;
}

/// A voxel's logits.
template <class T>
struct Logits {
  const T* at;
  std::int64_t by_class, classes;

  NNUNET_HOST_DEVICE Logits(const T* logits, const LossTiles& t, std::int64_t sample, std::int64_t voxel)
      : at(logits + sample * t.classes * t.voxels + voxel * t.by_voxel), by_class(t.by_class), classes(t.classes) {}
  NNUNET_HOST_DEVICE float operator[](std::int64_t k) const { return to_float(at[k * by_class]); }
};

/// softmax_k = exp(x_k - top) / sum.
struct TopAndSum {
  float top, sum;

  template <class T>
  NNUNET_HOST_DEVICE static TopAndSum of(const Logits<T>& x) {
    TopAndSum s{x[0], 0};
    for (std::int64_t k = 1; k < x.classes; ++k) s.top = x[k] > s.top ? x[k] : s.top;
    for (std::int64_t k = 0; k < x.classes; ++k) s.sum += std::exp(x[k] - s.top);
    return s;
  }
};

/// Of each voxel, (N,voxels).
template <class T>
struct Softmax {
  LossTiles tiles;
  const T* logits;
  TopAndSum* result;

  NNUNET_HOST_DEVICE std::int64_t items() const { return divide_up(tiles.samples * tiles.voxels, kThreads); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t i = item * kThreads + thread;
    if (i < tiles.samples * tiles.voxels)
      result[i] = TopAndSum::of(Logits<T>(logits, tiles, i / tiles.voxels, i % tiles.voxels));
  }
};

/// The sums of each piece and group of classes. A label that is no class makes the loss NaN.
template <class T>
struct LossPieces {
  LossTiles tiles;
  const T* logits;
  const std::uint8_t* label;
  const TopAndSum* softmax;  ///< null: not known yet
  bool focal;
  float* partial;  ///< (3K+1, samples * pieces)

  static constexpr int kValues = 3 * kGroup + 1;
  static_assert(kValues * kThreads * sizeof(float) <= kSharedBytes);

  NNUNET_HOST_DEVICE Fold fold() const { return {kThreads, 1, kValues}; }
  NNUNET_HOST_DEVICE std::int64_t items() const { return tiles.samples * tiles.pieces * tiles.groups; }
  NNUNET_HOST_DEVICE int steps() const { return fold().steps() + 2; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    auto* const shared = static_cast<float*>(memory);
    if (number == 0)
      gather(item, thread, shared);
    else if (number + 1 < steps())
      fold().step(number - 1, thread, shared);
    else
      keep(item, thread, shared);
  }

 private:
  NNUNET_HOST_DEVICE void gather(std::int64_t item, int thread, float* shared) const {
    const std::int64_t first = item % tiles.groups * kGroup, piece = item / tiles.groups % tiles.pieces;
    const std::int64_t sample = item / tiles.groups / tiles.pieces;
    const std::int64_t begin = piece * tiles.piece, end = smaller(begin + tiles.piece, tiles.voxels);
    float both[kGroup] = {}, size[kGroup] = {}, count[kGroup] = {}, loss = 0;
    for (std::int64_t v = begin + thread; v < end; v += kThreads) {
      const Logits<T> x(logits, tiles, sample, v);
      const TopAndSum s = softmax != nullptr ? softmax[sample * tiles.voxels + v] : TopAndSum::of(x);
      const float scale = 1 / s.sum;
      const std::int64_t truth = label[sample * tiles.voxels + v];
      NNUNET_UNROLL
      for (int j = 0; j < kGroup; ++j) {
        if (first + j >= tiles.classes) break;
        const float p = std::exp(x[first + j] - s.top) * scale;
        const bool is_class = truth == first + j;
        both[j] += is_class ? p : 0;
        size[j] += p;
        count[j] += is_class ? 1 : 0;
      }
      if (first == 0) loss += own_loss(x, s, truth);
    }
    for (int j = 0; j < kGroup; ++j) {
      shared[j * kThreads + thread] = both[j];
      shared[(kGroup + j) * kThreads + thread] = size[j];
      shared[(2 * kGroup + j) * kThreads + thread] = count[j];
    }
    shared[3 * kGroup * kThreads + thread] = loss;
  }

  NNUNET_HOST_DEVICE float own_loss(const Logits<T>& x, const TopAndSum& s, std::int64_t truth) const {
    if (truth >= tiles.classes) return __builtin_nanf("");
    const float below = x[truth] - s.top, nll = std::log(s.sum) - below;
    const float miss = 1 - std::exp(below) / s.sum;
    return focal ? miss * miss * nll : nll;
  }

  NNUNET_HOST_DEVICE void keep(std::int64_t item, int thread, const float* shared) const {
    if (thread >= kValues) return;
    const std::int64_t group = item % tiles.groups, k = group * kGroup + thread % kGroup;
    const bool is_loss = thread == kValues - 1;
    if (is_loss ? group > 0 : k >= tiles.classes) return;
    const std::int64_t statistic = is_loss ? 3 * tiles.classes : thread / kGroup * tiles.classes + k;
    partial[statistic * tiles.samples * tiles.pieces + item / tiles.groups] = shared[thread * kThreads];
  }
};

/// sums (3K+1): intersection, probability, label, loss.
struct LossTotals {
  std::int64_t statistics, pieces;
  const float* partial;
  float* sums;

  NNUNET_HOST_DEVICE std::int64_t items() const { return divide_up(statistics, PartialSums::kStatistics); }
  NNUNET_HOST_DEVICE int steps() const { return 2; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    auto* const shared = static_cast<double*>(memory);
    const int lane = thread % PartialSums::kLanes;
    const std::int64_t i = item * PartialSums::kStatistics + thread / PartialSums::kLanes;
    if (i >= statistics) return;
    if (number == 0)
      shared[thread] = PartialSums::gather(partial, i, pieces, lane);
    else if (lane == 0)
      sums[i] = static_cast<float>(PartialSums::total(shared, thread));
  }
};

/// With g_k = dL/dp_k, dL/dlogit_k = p_k (g_k - sum_j p_j g_j), plus the cross entropy's p_k - [t = k].
template <class T>
struct LossGradient {
  LossTiles tiles;
  const T* logits;
  const std::uint8_t* label;
  bool focal;
  const float* by_sums;  ///< (3K+1), derivatives by LossTotals' sums
  T* gradient;

  NNUNET_HOST_DEVICE std::int64_t items() const { return divide_up(tiles.samples * tiles.voxels, kThreads); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t i = item * kThreads + thread;
    if (i >= tiles.samples * tiles.voxels) return;
    const Logits<T> x(logits, tiles, i / tiles.voxels, i % tiles.voxels);
    T* const to = gradient + (x.at - logits);
    const TopAndSum s = TopAndSum::of(x);
    const float scale = 1 / s.sum;
    const std::int64_t truth = label[i], classes = tiles.classes;
    const float *by_intersection = by_sums, *by_probability = by_sums + classes;
    const bool known = truth < classes;

    // The true class's own term of the second loss: its derivative by p_t, times p_t.
    float own = 0;
    if (focal && known) {
      const float below = x[truth] - s.top, p = std::exp(below) * scale, miss = 1 - p;
      own = by_sums[3 * classes] * (-2 * p * miss * (std::log(s.sum) - below) - miss * miss);
    }
    const float cross = !focal && known ? by_sums[3 * classes] : 0;
    float all = own;
    for (std::int64_t k = 0; k < classes; ++k)
      all += std::exp(x[k] - s.top) * scale * (by_probability[k] + (k == truth ? by_intersection[k] : 0));
    for (std::int64_t k = 0; k < classes; ++k) {
      const float g = by_probability[k] + (k == truth ? by_intersection[k] : 0);
      const float p = std::exp(x[k] - s.top) * scale;
      from_float(p * (g - all + cross) + (k == truth ? own - cross : 0), to[k * tiles.by_class]);
    }
  }
};

/// Room that the forward needs, in bytes: partial sums, and each voxel's TopAndSum where classes come in groups.
inline std::int64_t workspace_bytes(const LossTiles& t) {
  const auto partial = t.statistics() * t.samples * t.pieces * static_cast<std::int64_t>(sizeof(float));
  const auto voxels = t.samples * t.voxels * static_cast<std::int64_t>(sizeof(TopAndSum));
  return (t.groups > 1 ? voxels : 0) + partial;
}

}  // namespace nnunet::kernels::cuda
