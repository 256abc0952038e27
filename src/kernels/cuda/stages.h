#pragma once
#include <cstdint>

#include "nnunet/core/host_device.h"

/// How the CUDA kernels are written: as stages, between which the whole grid waits. A stage is a number of items that
/// do not depend on each other; a block of kThreads threads works off an item in a few steps, with a barrier after
/// each.
///   struct Stage {
///     std::int64_t items() const;
///     int steps() const;
///     void step(int number, std::int64_t item, int thread, void* shared) const;  // kSharedBytes for the block
///   };
/// Items are cut by shape alone and sums are added in a fixed order, so the digits depend neither on the GPU nor on the
/// grid. And as a step is a plain function of its indices, tests run the same stages in loops on the CPU
/// (tests/kernels/run_stages.h).
#ifdef __CUDA_ARCH__  // the host's compiler does not know the pragma
#define NNUNET_UNROLL _Pragma("unroll")
#else
#define NNUNET_UNROLL
#endif

namespace nnunet::kernels::cuda {

inline constexpr int kThreads = 256;        // of a block
inline constexpr int kSharedBytes = 27648;  // of a block; more than 48 KiB would have to be asked for
inline constexpr int kMostItems = 2048;     // a few for each block that the largest GPUs hold

template <class T>
NNUNET_HOST_DEVICE T smaller(T a, T b) {
  return a < b ? a : b;
}
template <class T>
NNUNET_HOST_DEVICE T larger(T a, T b) {
  return a > b ? a : b;
}
NNUNET_HOST_DEVICE inline std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Numbers that are loaded and stored at once.
template <class T, int kSize>
struct alignas(sizeof(T) * kSize) Pack {
  T at[kSize];
};

/// Adds up numbers that threads left in shared memory: shared[value * kThreads + thread], thread = slot * columns +
/// column; after the last step slot 0 holds the sums.
struct Fold {
  int slots, columns, values;

  NNUNET_HOST_DEVICE int steps() const {
    int count = 0;
    for (int rest = slots; rest > 1; rest = (rest + 1) / 2) ++count;
    return count;
  }
  /// number: from 0.
  NNUNET_HOST_DEVICE void step(int number, int thread, float* shared) const {
    int rest = slots;
    for (int i = 0; i < number; ++i) rest = (rest + 1) / 2;
    const int half = (rest + 1) / 2;
    if (thread / columns >= rest - half) return;
    for (int v = 0; v < values; ++v) shared[v * kThreads + thread] += shared[v * kThreads + thread + half * columns];
  }
};

/// Joins what the threads left at shared[thread] by T::add: kJoins steps, then shared[0] holds all of it.
inline constexpr int kJoins = 8;
static_assert(1 << kJoins == kThreads);
template <class T>
NNUNET_HOST_DEVICE void join(int number, int thread, T* shared) {
  const int half = kThreads >> (number + 1);
  if (thread < half) shared[thread].add(shared[thread + half]);
}

/// Sums of the partial sums of pieces, partial[statistic * pieces + piece]: kLanes threads a statistic.
struct PartialSums {
  static constexpr int kLanes = 32, kStatistics = kThreads / kLanes;  // of an item

  /// The lane's share of a statistic.
  NNUNET_HOST_DEVICE static double gather(const float* partial, std::int64_t statistic, std::int64_t pieces, int lane) {
    double sum = 0;
    for (std::int64_t i = lane; i < pieces; i += kLanes) sum += static_cast<double>(partial[statistic * pieces + i]);
    return sum;
  }
  /// All lanes' shares, which lie at shared[thread].
  NNUNET_HOST_DEVICE static double total(const double* shared, int thread) {
    double sum = 0;
    for (int i = 0; i < kLanes; ++i) sum += shared[thread + i];
    return sum;
  }
};

}  // namespace nnunet::kernels::cuda
