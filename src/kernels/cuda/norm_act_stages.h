#pragma once
#include <cmath>
#include <cstdint>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/half.h"
#include "nnunet/kernels/norm_act.h"
#include "stages.h"

/// Instance normalisation and LeakyReLU as in kernels/norm_act.h, in stages. Forward: Moments, Statistics, Apply.
/// Backward: GradientSums, GradientTotals, Gradient.
namespace nnunet::kernels::cuda {

/// How a tensor is cut. A row is what shares statistics: a sample (channels last) or a channel of a sample (channels
/// first). Both are walked alike: a row has `length` places of `columns` packs; in channels last a pack holds
/// neighbouring channels, in channels first neighbouring voxels of the one channel.
struct Tiles {
  std::int64_t rows, length, columns, channels, voxels;
  std::int64_t row_statistics;  ///< a row has: C or 1
  int pack, width;              ///< numbers in a pack; how many of them are of different channels: pack or 1
  std::int64_t pieces, piece;   ///< of a row; places in each
  int chunks, chunk, slots;     ///< of a place's columns; columns in each; places that a block visits at once

  std::int64_t statistics() const { return rows * row_statistics; }
  NNUNET_HOST_DEVICE std::int64_t items() const { return rows * pieces * chunks; }
  NNUNET_HOST_DEVICE Fold fold() const { return {slots, chunk, 2 * width}; }
};

inline Tiles make_tiles(const NormShape& s, int pack) {
  const bool last = s.layout == Layout::channels_last;
  Tiles t{};
  t.rows = last ? s.samples : s.samples * s.channels;
  t.length = last ? s.voxels : s.voxels / pack;
  t.columns = last ? s.channels / pack : 1;
  t.channels = s.channels;
  t.voxels = s.voxels;
  t.row_statistics = last ? s.channels : 1;
  t.pack = pack;
  t.width = last ? pack : 1;
  t.chunks = static_cast<int>(divide_up(t.columns, kThreads));
  t.chunk = static_cast<int>(divide_up(t.columns, t.chunks));
  t.slots = kThreads / t.chunk;
  constexpr std::int64_t kLeast = 4096;  // numbers that are worth an item
  const std::int64_t wanted = divide_up(t.length * t.columns * pack, kLeast);
  const std::int64_t most = larger<std::int64_t>(1, kMostItems / (t.rows * t.chunks));
  t.piece = divide_up(t.length, smaller(wanted, most));
  t.pieces = divide_up(t.length, t.piece);
  return t;
}

/// Whether packs of so many numbers fit the shape; the tensors themselves must be aligned to them.
inline bool pack_fits(const NormShape& s, int pack) {
  return (s.layout == Layout::channels_last ? s.channels : s.voxels) % pack == 0;
}

/// What a thread does of an item.
struct Share {
  bool active;
  std::int64_t row, piece, column, statistic;  ///< statistic: of the pack's first number
  std::int64_t first, end;                     ///< packs, counted from the tensor's start; step as in Tiles
  std::int64_t step;

  NNUNET_HOST_DEVICE Share(const Tiles& t, std::int64_t item, int thread) {
    const int slot = thread / t.chunk;
    column = item % t.chunks * t.chunk + thread % t.chunk;
    piece = item / t.chunks % t.pieces;
    row = item / t.chunks / t.pieces;
    active = slot < t.slots && column < t.columns;
    statistic = row * t.row_statistics + column * t.width;
    const std::int64_t begin = piece * t.piece;
    first = (row * t.length + begin + slot) * t.columns + column;
    end = (row * t.length + smaller(begin + t.piece, t.length)) * t.columns;
    step = t.slots * t.columns;
  }
};

/// body(pack index) for all of a thread's; kAhead loads are on their way before the first is used.
template <int kAhead, class Load, class Use>
NNUNET_HOST_DEVICE void for_packs(const Share& s, const Load& load, const Use& use) {
  std::int64_t i = s.first;
  for (; i + (kAhead - 1) * s.step < s.end; i += kAhead * s.step) {
    decltype(load(i)) loaded[kAhead];
    NNUNET_UNROLL
    for (int a = 0; a < kAhead; ++a) loaded[a] = load(i + a * s.step);
    NNUNET_UNROLL
    for (int a = 0; a < kAhead; ++a) use(i + a * s.step, loaded[a]);
  }
  for (; i < s.end; i += s.step) use(i, load(i));
}

/// A thread's two sums for each number of a pack, to shared memory and, folded, to the pieces' partial sums.
template <int kPack>
struct PairSums {
  float a[kPack] = {}, b[kPack] = {};

  NNUNET_HOST_DEVICE void put(const Tiles& t, int thread, float* shared) {
    if (t.width == 1)
      for (int j = 1; j < kPack; ++j) a[0] += a[j], b[0] += b[j];
    NNUNET_UNROLL
    for (int j = 0; j < kPack; ++j) {
      if (j >= t.width) break;
      shared[j * kThreads + thread] = a[j];
      shared[(t.width + j) * kThreads + thread] = b[j];
    }
  }
  NNUNET_HOST_DEVICE static void keep(const Tiles& t, const Share& s, int thread, const float* shared, float* partial) {
    if (thread >= t.chunk || !s.active) return;
    const std::int64_t all = t.rows * t.row_statistics * t.pieces;
    for (int j = 0; j < t.width; ++j) {
      const std::int64_t to = (s.statistic + j) * t.pieces + s.piece;
      partial[to] = shared[j * kThreads + thread];
      partial[all + to] = shared[(t.width + j) * kThreads + thread];
    }
  }
};

/// The first voxel's value is subtracted before squaring: the variance stays exact where the mean is large.
template <class T>
NNUNET_HOST_DEVICE float first_value(const T* x, const Tiles& t, std::int64_t statistic) {
  const std::int64_t row = statistic / t.row_statistics;
  return to_float(x[row * t.length * t.columns * t.pack + statistic % t.row_statistics]);
}

/// Sums and sums of squares of x - its first value, of each piece.
template <class T, int kPack>
struct Moments {
  Tiles tiles;
  const T* x;
  float* partial;

  NNUNET_HOST_DEVICE std::int64_t items() const { return tiles.items(); }
  NNUNET_HOST_DEVICE int steps() const { return tiles.fold().steps() + 2; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    auto* const shared = static_cast<float*>(memory);
    if (number > 0 && number + 1 < steps()) return tiles.fold().step(number - 1, thread, shared);
    const Share s(tiles, item, thread);
    if (number > 0) return PairSums<kPack>::keep(tiles, s, thread, shared, partial);
    (s.active ? sums_of(s) : PairSums<kPack>{}).put(tiles, thread, shared);
  }

 private:
  NNUNET_HOST_DEVICE PairSums<kPack> sums_of(const Share& s) const {
    PairSums<kPack> sums;
    float shift[kPack];
    for (int j = 0; j < kPack; ++j) shift[j] = first_value(x, tiles, s.statistic + (tiles.width > 1 ? j : 0));
    const auto* const packs = reinterpret_cast<const Pack<T, kPack>*>(x);
    for_packs<4>(
        s, [=](std::int64_t i) { return packs[i]; },
        [&](std::int64_t, const Pack<T, kPack>& pack) {
          NNUNET_UNROLL
          for (int j = 0; j < kPack; ++j) {
            const float d = to_float(pack.at[j]) - shift[j];
            sums.a[j] += d;
            sums.b[j] += d * d;
          }
        });
    return sums;
  }
};

/// mean and 1 / sqrt(var + epsilon) from them.
template <class T>
struct Statistics {
  Tiles tiles;
  std::int64_t statistics;
  const T* x;
  const float* partial;
  float epsilon;
  float *mean, *rstd;

  NNUNET_HOST_DEVICE std::int64_t items() const { return divide_up(statistics, PartialSums::kStatistics); }
  NNUNET_HOST_DEVICE int steps() const { return 2; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    auto* const sums = static_cast<double*>(memory);
    auto* const squares = sums + kThreads;
    const int lane = thread % PartialSums::kLanes;
    const std::int64_t i = item * PartialSums::kStatistics + thread / PartialSums::kLanes;
    if (i >= statistics) return;
    if (number == 0) {
      sums[thread] = PartialSums::gather(partial, i, tiles.pieces, lane);
      squares[thread] = PartialSums::gather(partial + statistics * tiles.pieces, i, tiles.pieces, lane);
    } else if (lane == 0) {
      const auto n = static_cast<double>(tiles.voxels);
      const double off = PartialSums::total(sums, thread) / n;
      const double raw = PartialSums::total(squares, thread) / n - off * off;
      const double variance = raw < 0 ? 0 : raw;  // NaN stays
      mean[i] = static_cast<float>(static_cast<double>(first_value(x, tiles, i)) + off);
      rstd[i] = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(epsilon)));
    }
  }
};

/// z = x * scale + offset, for the numbers of a pack.
template <int kPack>
struct Affine {
  float scale[kPack], offset[kPack];

  NNUNET_HOST_DEVICE Affine(const Tiles& t, const Share& s, const NormParameters& p, const float* mean,
                            const float* rstd) {
    for (int j = 0; j < kPack; ++j) {
      const std::int64_t i = s.statistic + (t.width > 1 ? j : 0), c = i % t.channels;
      scale[j] = p.gamma[c] * rstd[i];
      offset[j] = p.beta[c] - mean[i] * rstd[i] * p.gamma[c];
    }
  }
};

/// y = lrelu(x * scale + offset). y may be x.
template <class T, int kPack>
struct Apply {
  Tiles tiles;
  const T* x;
  T* y;
  const float *mean, *rstd;
  NormParameters p;

  NNUNET_HOST_DEVICE std::int64_t items() const { return tiles.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    // From the end: what the statistics read last is still in the cache.
    const Share s(tiles, items() - 1 - item, thread);
    if (!s.active) return;
    const Affine<kPack> f(tiles, s, p, mean, rstd);
    const auto* const from = reinterpret_cast<const Pack<T, kPack>*>(x);
    auto* const to = reinterpret_cast<Pack<T, kPack>*>(y);
    for_packs<4>(
        s, [=](std::int64_t i) { return from[i]; },
        [&](std::int64_t i, const Pack<T, kPack>& in) {
          Pack<T, kPack> out;
          NNUNET_UNROLL
          for (int j = 0; j < kPack; ++j) {
            const float z = to_float(in.at[j]) * f.scale[j] + f.offset[j];
            from_float(z < 0 ? z * p.slope : z, out.at[j]);
          }
          to[i] = out;
        });
  }
};

template <class T, int kPack>
struct InputAndGradient {
  Pack<T, kPack> x, dy;
};

/// Sums of g and of g * xhat of each piece; g: the gradient before LeakyReLU, xhat = (x - mean) * rstd.
template <class T, int kPack>
struct GradientSums {
  Tiles tiles;
  const T *x, *dy;
  const float *mean, *rstd;
  NormParameters p;
  float* partial;

  NNUNET_HOST_DEVICE std::int64_t items() const { return tiles.items(); }
  NNUNET_HOST_DEVICE int steps() const { return tiles.fold().steps() + 2; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    auto* const shared = static_cast<float*>(memory);
    if (number > 0 && number + 1 < steps()) return tiles.fold().step(number - 1, thread, shared);
    const Share s(tiles, item, thread);
    if (number > 0) return PairSums<kPack>::keep(tiles, s, thread, shared, partial);
    (s.active ? sums_of(s) : PairSums<kPack>{}).put(tiles, thread, shared);
  }

 private:
  NNUNET_HOST_DEVICE PairSums<kPack> sums_of(const Share& s) const {
    const Affine<kPack> f(tiles, s, p, mean, rstd);
    float centre[kPack], rate[kPack];
    for (int j = 0; j < kPack; ++j) {
      const std::int64_t i = s.statistic + (tiles.width > 1 ? j : 0);
      centre[j] = mean[i];
      rate[j] = rstd[i];
    }
    PairSums<kPack> sums;
    const auto* const inputs = reinterpret_cast<const Pack<T, kPack>*>(x);
    const auto* const gradients = reinterpret_cast<const Pack<T, kPack>*>(dy);
    for_packs<2>(
        s,
        [=](std::int64_t i) {
          return InputAndGradient<T, kPack>{inputs[i], gradients[i]};
        },
        [&](std::int64_t, const InputAndGradient<T, kPack>& in) {
          NNUNET_UNROLL
          for (int j = 0; j < kPack; ++j) {
            const float value = to_float(in.x.at[j]), by = to_float(in.dy.at[j]);
            const float g = value * f.scale[j] + f.offset[j] < 0 ? by * p.slope : by;
            sums.a[j] += g;
            sums.b[j] += g * ((value - centre[j]) * rate[j]);
          }
        });
    return sums;
  }
};

/// total (2, statistics) of them.
struct GradientTotals {
  std::int64_t statistics, pieces;
  const float* partial;
  double* total;

  NNUNET_HOST_DEVICE std::int64_t items() const { return divide_up(2 * statistics, PartialSums::kStatistics); }
  NNUNET_HOST_DEVICE int steps() const { return 2; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    auto* const shared = static_cast<double*>(memory);
    const int lane = thread % PartialSums::kLanes;
    const std::int64_t i = item * PartialSums::kStatistics + thread / PartialSums::kLanes;
    if (i >= 2 * statistics) return;
    if (number == 0)
      shared[thread] = PartialSums::gather(partial, i, pieces, lane);
    else if (lane == 0)
      total[i] = PartialSums::total(shared, thread);
  }
};

/// dx = gamma rstd (g - mean(g) - xhat mean(g xhat)), and first of all dgamma and dbeta. dx may be dy.
template <class T, int kPack>
struct Gradient {
  Tiles tiles;
  std::int64_t statistics;
  const T *x, *dy;
  T* dx;
  const float *mean, *rstd;
  NormParameters p;
  const double* total;
  float *dgamma, *dbeta;

  NNUNET_HOST_DEVICE std::int64_t parameter_items() const { return divide_up(tiles.channels, kThreads); }
  NNUNET_HOST_DEVICE std::int64_t items() const { return parameter_items() + tiles.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    if (item < parameter_items()) return parameters(item * kThreads + thread);
    const Share s(tiles, items() - 1 - item, thread);
    if (!s.active) return;
    const Affine<kPack> f(tiles, s, p, mean, rstd);
    float centre[kPack], rate[kPack], slant[kPack], level[kPack];
    for (int j = 0; j < kPack; ++j) {
      const std::int64_t i = s.statistic + (tiles.width > 1 ? j : 0);
      const auto n = static_cast<double>(tiles.voxels);
      centre[j] = mean[i];
      rate[j] = rstd[i];
      level[j] = static_cast<float>(total[i] / n);
      slant[j] = static_cast<float>(total[statistics + i] / n);
    }
    const auto* const inputs = reinterpret_cast<const Pack<T, kPack>*>(x);
    const auto* const gradients = reinterpret_cast<const Pack<T, kPack>*>(dy);
    auto* const to = reinterpret_cast<Pack<T, kPack>*>(dx);
    for_packs<2>(
        s,
        [=](std::int64_t i) {
          return InputAndGradient<T, kPack>{inputs[i], gradients[i]};
        },
        [&](std::int64_t i, const InputAndGradient<T, kPack>& in) {
          Pack<T, kPack> out;
          NNUNET_UNROLL
          for (int j = 0; j < kPack; ++j) {
            const float value = to_float(in.x.at[j]), by = to_float(in.dy.at[j]);
            const float g = value * f.scale[j] + f.offset[j] < 0 ? by * p.slope : by;
            const float xhat = (value - centre[j]) * rate[j];
            from_float(f.scale[j] * (g - level[j] - xhat * slant[j]), out.at[j]);
          }
          to[i] = out;
        });
  }

 private:
  NNUNET_HOST_DEVICE void parameters(std::int64_t channel) const {
    if (channel >= tiles.channels) return;
    double gamma = 0, beta = 0;
    for (std::int64_t i = channel; i < statistics; i += tiles.channels) {
      beta += total[i];
      gamma += total[statistics + i];
    }
    dgamma[channel] = static_cast<float>(gamma);
    dbeta[channel] = static_cast<float>(beta);
  }
};

/// Room that the kernels need, in bytes: forward and backward alike.
inline std::int64_t workspace_bytes(const Tiles& t) {
  const std::int64_t totals = 2 * t.statistics();
  return totals * static_cast<std::int64_t>(sizeof(double)) +
         totals * t.pieces * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace nnunet::kernels::cuda
