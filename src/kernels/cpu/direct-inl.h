// The direct kernels' loops, compiled once an instruction set: included by direct_<isa>.cpp between a target pragma,
// with NNUNET_WIDTH (floats in a register), NNUNET_FMA(a, b, c), and NNUNET_DOT_BF16(a, b, c) where there is one.

namespace {

constexpr int kWidth = NNUNET_WIDTH, kParts = 16 / kWidth;
using V = float __attribute__((vector_size(kWidth * 4), may_alias));
// Its alignment stands before the "=", where clang heeds it, too.
using Loaded __attribute__((may_alias, aligned(4))) = float __attribute__((vector_size(kWidth * 4)));
using Words = std::uint32_t __attribute__((vector_size(kWidth * 4), may_alias));
using Halves = std::uint16_t __attribute__((vector_size(kWidth * 2), may_alias));

#define INLINE inline __attribute__((always_inline))

INLINE V load(const float* from) {
  return *reinterpret_cast<const Loaded*>(from);
}
INLINE V load(const Bfloat16* from) {
  Halves half;
  std::memcpy(&half, from, sizeof half);
  return reinterpret_cast<V>(__builtin_convertvector(half, Words) << 16);
}
INLINE void store(V v, float* to) {
  *reinterpret_cast<Loaded*>(to) = v;
}
INLINE void store(V v, Bfloat16* to) {
  const auto word = reinterpret_cast<Words>(v);
  const Words rounded = word + 0x7fffu + ((word >> 16) & 1u), quiet = word | 0x400000u;
  const Halves half = __builtin_convertvector((v != v ? quiet : rounded) >> 16, Halves);
  std::memcpy(to, &half, sizeof half);
}
INLINE V all(float value) {
  return value - V{};
}
INLINE V activated(V v, V slope) {
  return v < 0 ? v * slope : v;
}

/// Channels (or pairs of them) of a block, one after the other.
template <class S>
struct Lane;
template <>
struct Lane<float> {
  static constexpr int kCount = 16;
  static INLINE V broadcast(const float* x, int lane) { return all(x[lane]); }
  static INLINE V weights(const float* w) { return load(w); }
  static INLINE V multiply(V x, V w, V sum) { return NNUNET_FMA(x, w, sum); }
};
#ifdef NNUNET_DOT_BF16
template <>
struct Lane<Bfloat16> {
  static constexpr int kCount = 8;
  static INLINE V broadcast(const Bfloat16* x, int lane) {
    std::uint32_t pair;
    std::memcpy(&pair, x + 2 * lane, sizeof pair);
    return reinterpret_cast<V>(pair - Words{});
  }
  static INLINE V weights(const Bfloat16* w) {
    V v;
    std::memcpy(&v, w, sizeof v);
    return v;
  }
  static INLINE V multiply(V x, V w, V sum) { return NNUNET_DOT_BF16(x, w, sum); }
};
#endif

template <class S, int kRows, int kCols, int kPitch, int kBlocks>
void conv_tile(const ConvTile& t) {
  constexpr int kVectors = kBlocks * kParts, kVoxels = kRows * kCols;
  constexpr int kElements = std::is_same_v<S, float> ? kWidth : 2 * kWidth;  // of a vector of weights
  V sum[kVoxels][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVoxels; ++v)
#pragma GCC unroll 8
    for (int n = 0; n < kVectors; ++n) sum[v][n] = V{};
  const auto* w = static_cast<const S*>(t.weights);
  const int lanes = kPitch == 4 ? static_cast<int>(t.lanes) : Lane<S>::kCount;
  const std::int64_t row_step = t.row_step;
  for (std::int64_t block = 0; block < t.blocks; ++block) {
    const S* const in = static_cast<const S*>(t.in) + block * t.block_step;
    for (std::int64_t tap = 0; tap < t.tap_count; ++tap) {
      const S* const x = in + t.taps[tap];
#pragma GCC unroll 2
      for (int lane = 0; lane < lanes; ++lane) {
        V weight[kVectors];
#pragma GCC unroll 8
        for (int n = 0; n < kVectors; ++n) weight[n] = Lane<S>::weights(w + n * kElements);
        w += kVectors * kElements;
#pragma GCC unroll 16
        for (int v = 0; v < kVoxels; ++v) {
          const V value = Lane<S>::broadcast(x + (v / kCols) * row_step + (v % kCols) * kPitch, lane);
#pragma GCC unroll 8
          for (int n = 0; n < kVectors; ++n) sum[v][n] = Lane<S>::multiply(value, weight[n], sum[v][n]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVoxels; ++v)
#pragma GCC unroll 8
    for (int n = 0; n < kVectors; ++n)
      store(sum[v][n], t.out + (v / kCols) * t.out_row_step + (v % kCols) * 16 + (n / kParts) * t.out_block_step +
                           (n % kParts) * kWidth);
}

template <bool kPairs>
INLINE V multiply(V x, V w, V sum) {
#ifdef NNUNET_DOT_BF16
  if constexpr (kPairs) return NNUNET_DOT_BF16(x, w, sum);
#endif
  return NNUNET_FMA(x, w, sum);
}

/// kPairs: values are pairs of bf16 of neighbouring positions, multiplied as they are.
template <class T, int kBlocks, bool kPairs>
void gradient_tile(const GradientTile& t) {
  constexpr int kVectors = kBlocks * kParts, kValues = 8;
  V sum[kValues][kVectors];
#pragma GCC unroll 8
  for (int k = 0; k < kValues; ++k)
#pragma GCC unroll 8
    for (int n = 0; n < kVectors; ++n) sum[k][n] = V{};
  const std::int64_t step = t.fine_step, cols = t.cols;
  for (std::int64_t plane = 0; plane < t.planes; ++plane)
    for (std::int64_t row = 0; row < t.rows; ++row) {
      const T* const first = static_cast<const T*>(t.coarse) + plane * t.coarse_plane_step + row * t.coarse_row_step;
      const T* const second = first + t.coarse_block_step;
      const std::int64_t at = plane * t.fine_plane_step + row * t.fine_row_step;
      const float* fine[kValues];
#pragma GCC unroll 8
      for (int k = 0; k < kValues; ++k) fine[k] = t.fine[k] + at;
      for (std::int64_t c = 0; c < cols; ++c) {
        V value[kVectors];
#pragma GCC unroll 8
        for (int n = 0; n < kVectors; ++n)
          value[n] = load((n < kParts ? first : second) + c * 16 + (n % kParts) * kWidth);
#pragma GCC unroll 8
        for (int k = 0; k < kValues; ++k) {
          const V x = all(fine[k][c * step]);
#pragma GCC unroll 8
          for (int n = 0; n < kVectors; ++n) sum[k][n] = multiply<kPairs>(x, value[n], sum[k][n]);
        }
      }
    }
#pragma GCC unroll 8
  for (int k = 0; k < kValues; ++k)
#pragma GCC unroll 8
    for (int n = 0; n < kVectors; ++n) {
      float* const to = t.out + (k * kVectors + n) * kWidth;
      store(load(to) + sum[k][n], to);
    }
}

#ifdef NNUNET_DOT_BF16
/// Pair j of each channel: rounded from[2 j step] and from[(2 j + 1) step], voxels of 16; zero from voxel `count` on.
void pair_row(const float* from, std::uint32_t* to, std::int64_t pairs, std::int64_t step, std::int64_t count) {
  const auto rounded = [&](std::int64_t voxel) {
    V v = voxel < count ? load(from + voxel * 16) : V{};
    const auto word = reinterpret_cast<Words>(v);
    return v != v ? word | 0x400000u : word + 0x7fffu + ((word >> 16) & 1u);
  };
  for (std::int64_t j = 0; j < pairs; ++j) {
    const Words pair = (rounded(2 * j * step) >> 16) | (rounded((2 * j + 1) * step) & 0xffff0000u);
    std::memcpy(to + j * 16, &pair, sizeof pair);
  }
}
#endif

template <class T, class S>
void stage_row(const StageRow& r) {
  auto* to = static_cast<S*>(r.to);
  std::memset(static_cast<void*>(to), 0, static_cast<std::size_t>(r.before) * 16 * sizeof(S));
  to += r.before * 16;
  const auto* from = static_cast<const T*>(r.from);
  if (r.with != nullptr) {
    const auto* with = static_cast<const T*>(r.with);
    const V slope = all(r.slope);
    for (int p = 0; p < kParts; ++p) {
      const V scale = load(r.scale + p * kWidth), shift = load(r.shift + p * kWidth),
              with_scale = load(r.with_scale + p * kWidth);
      for (std::int64_t v = 0; v < r.count; ++v) {
        const V sum = NNUNET_FMA(load(with + v * 16 + p * kWidth), with_scale, shift);
        store(activated(NNUNET_FMA(load(from + v * 16 + p * kWidth), scale, sum), slope), to + v * 16 + p * kWidth);
      }
    }
  } else if (r.scale != nullptr) {
    const V slope = all(r.slope);
    for (int p = 0; p < kParts; ++p) {
      const V scale = load(r.scale + p * kWidth), shift = load(r.shift + p * kWidth);
      for (std::int64_t v = 0; v < r.count; ++v)
        store(activated(NNUNET_FMA(load(from + v * 16 + p * kWidth), scale, shift), slope), to + v * 16 + p * kWidth);
    }
  } else if constexpr (std::is_same_v<T, S>) {
    std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(r.count) * 16 * sizeof(S));
  } else {
    for (std::int64_t i = 0; i < r.count * 16; i += kWidth) store(load(from + i), to + i);
  }
  std::memset(static_cast<void*>(to + r.count * 16), 0, static_cast<std::size_t>(r.after) * 16 * sizeof(S));
}

template <class T, bool kThrough, bool kSums>
void store_row(const StoreRow& r) {
  for (int p = 0; p < kParts; ++p) {
    const float* const from = r.from + p * kWidth;
    T* const to = static_cast<T*>(r.to) + p * kWidth;
    const V bias = r.bias ? load(r.bias + p * kWidth) : V{};
    float* const sums = r.sums + p * kWidth;
    V shift{}, sum{}, product{}, rstd{}, offset{}, gamma{}, beta{}, slope{};
    if constexpr (kThrough) {
      rstd = load(r.rstd + p * kWidth);
      offset = load(r.offset + p * kWidth);
      gamma = load(r.gamma + p * kWidth);
      beta = load(r.beta + p * kWidth);
      slope = all(r.slope);
    } else if constexpr (kSums) {
      shift = load(sums);
    }
    for (std::int64_t v = 0; v < r.count; ++v) {
      V value = load(from + v * 16) + bias;
      if (r.add) value += load(to + v * r.to_step);
      if constexpr (kThrough) {
        const V x = NNUNET_FMA(load(static_cast<const T*>(r.x) + v * r.to_step + p * kWidth), rstd, offset);
        value = NNUNET_FMA(x, gamma, beta) < 0 ? value * slope : value;
        sum += value;
        product = NNUNET_FMA(value, x, product);
      } else if constexpr (kSums) {
        const V off = value - shift;
        sum += off;
        product = NNUNET_FMA(off, off, product);
      }
      store(value, to + v * r.to_step);
    }
    if constexpr (kSums) {
      store(load(sums + 16) + sum, sums + 16);
      store(load(sums + 32) + product, sums + 32);
    }
  }
}
template <class T>
void store_any(const StoreRow& r) {
  if (r.x != nullptr) return store_row<T, true, true>(r);
  if (r.sums != nullptr) return store_row<T, false, true>(r);
  store_row<T, false, false>(r);
}

template <class T>
void sum_row(const SumRow& r) {
  for (int p = 0; p < kParts; ++p) {
    const int at = p * kWidth;
    const V scale = load(r.scale + at), with_scale = load(r.with_scale + at), shift = load(r.shift + at),
            rstd = load(r.rstd + at), offset = load(r.offset + at), with_rstd = load(r.with_rstd + at),
            with_offset = load(r.with_offset + at), slope = all(r.slope);
    const T *const x = static_cast<const T*>(r.x) + at, *const with = static_cast<const T*>(r.with) + at;
    T* const g = static_cast<T*>(r.g) + at;
    V sum{}, product{}, with_product{};
    for (std::int64_t v = 0; v < r.count; ++v) {
      const V a = load(x + v * 16), b = load(with + v * 16);
      const V z = NNUNET_FMA(a, scale, NNUNET_FMA(b, with_scale, shift));
      V value = load(g + v * 16);
      value = z < 0 ? value * slope : value;
      sum += value;
      product = NNUNET_FMA(value, NNUNET_FMA(a, rstd, offset), product);
      with_product = NNUNET_FMA(value, NNUNET_FMA(b, with_rstd, with_offset), with_product);
      store(value, g + v * 16);
    }
    store(load(r.sums + at) + sum, r.sums + at);
    store(load(r.sums + 16 + at) + product, r.sums + 16 + at);
    store(load(r.sums + 32 + at) + with_product, r.sums + 32 + at);
  }
}

#include "head-inl.h"

#ifndef NNUNET_GROUP
#define NNUNET_GROUP 1
#endif
constexpr int kGroup = NNUNET_GROUP, kMaxVoxels = NNUNET_VOXELS;

/// Tiles of kRows x 1 .. kMaxVoxels / kRows positions.
template <class S, int kRows, int kPitch, int kBlocks, int... kCols>
DirectKernels::Conv pick(int cols, std::integer_sequence<int, kCols...>) {
  static constexpr DirectKernels::Conv tiles[] = {conv_tile<S, kRows, kCols + 1, kPitch, kBlocks>...};
  return cols >= 1 && cols <= static_cast<int>(sizeof...(kCols)) ? tiles[cols - 1] : nullptr;
}
template <class S, int kPitch, int kBlocks>
DirectKernels::Conv pick(int rows, int cols) {
  if (rows == 1) return pick<S, 1, kPitch, kBlocks>(cols, std::make_integer_sequence<int, kMaxVoxels>());
  if constexpr (kPitch != 4) {
    if (rows == 2) return pick<S, 2, kPitch, kBlocks>(cols, std::make_integer_sequence<int, kMaxVoxels / 2>());
    if constexpr (kMaxVoxels >= 3)
      if (rows == 3) return pick<S, 3, kPitch, kBlocks>(cols, std::make_integer_sequence<int, kMaxVoxels / 3>());
    if constexpr (kMaxVoxels >= 4)
      if (rows == 4) return pick<S, 4, kPitch, kBlocks>(cols, std::make_integer_sequence<int, kMaxVoxels / 4>());
  }
  return nullptr;
}
template <class S, int kBlocks>
DirectKernels::Conv pick(int rows, int cols, int pitch) {
  if (pitch == 16) return pick<S, 16, kBlocks>(rows, cols);
  if (pitch == 32) return pick<S, 32, kBlocks>(rows, cols);
  if constexpr (std::is_same_v<S, float>)
    if (pitch == 4) return pick<S, 4, kBlocks>(rows, cols);
  return nullptr;
}
template <int kBlocks>
DirectKernels::Conv pick(int rows, int cols, int pitch, bool bf16) {
#ifdef NNUNET_DOT_BF16
  if (bf16) return pick<Bfloat16, kBlocks>(rows, cols, pitch);
#endif
  return bf16 ? nullptr : pick<float, kBlocks>(rows, cols, pitch);
}

DirectKernels::Conv conv_of(int rows, int cols, int pitch, int blocks, bool bf16) {
  if (blocks == 1) return pick<1>(rows, cols, pitch, bf16);
  if constexpr (kGroup == 2)
    if (blocks == 2) return pick<2>(rows, cols, pitch, bf16);
  return nullptr;
}

constexpr DirectKernels kernels_here() {
  DirectKernels k;
  k.group = kGroup;
  k.max_voxels = kMaxVoxels;
#ifdef NNUNET_DOT_BF16
  k.dot_bf16 = true;
  k.gradient_pairs[0] = gradient_tile<float, 1, true>;
  k.gradient_pairs[1] = gradient_tile<float, 2, true>;
  k.pair_row = pair_row;
  k.head_pairs = head_of<true>;
#endif
  k.head_classes = kHeadClasses;
  k.head = head_of<false>;
  k.turn_block = turn<16>;
  k.turn_pairs = turn<8>;
  k.stage_bf16_bf16 = stage_row<Bfloat16, Bfloat16>;
  k.sum_f32 = sum_row<float>;
  k.sum_bf16 = sum_row<Bfloat16>;
  k.conv = conv_of;
  k.gradient_f32[0] = gradient_tile<float, 1, false>;
  k.gradient_bf16[0] = gradient_tile<Bfloat16, 1, false>;
  if constexpr (kGroup == 2) {
    k.gradient_f32[1] = gradient_tile<float, 2, false>;
    k.gradient_bf16[1] = gradient_tile<Bfloat16, 2, false>;
  }
  k.stage_f32_f32 = stage_row<float, float>;
  k.stage_bf16_f32 = stage_row<Bfloat16, float>;
  k.store_f32 = store_any<float>;
  k.store_bf16 = store_any<Bfloat16>;
  return k;
}

}  // namespace
