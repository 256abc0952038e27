// The stages of winograd_stages.h for one instruction set.

#include "vector-inl.h"

// Registers: kRows x kColumns accumulators, kColumns weights and a broadcast fit.
#if NNUNET_WIDTH == 16
inline constexpr int kRows = 12, kColumns = 2;
#elif NNUNET_WIDTH == 8
inline constexpr int kRows = 6, kColumns = 2;
#else
inline constexpr int kRows = 3, kColumns = 4;
#endif
inline constexpr int kOutBlocks = kColumns * kWidth / 16;

template <class T>
void line_in(const T* x, const T* with, float* to, std::int64_t voxels, const LineIn& f) {
  for (int p = 0; p < 16; p += kWidth) {
    if (f.scale == nullptr) {
      for (std::int64_t v = 0; v < voxels; ++v) store(load(x + v * 16 + p), to + v * 16 + p);
      continue;
    }
    const V scale = load(f.scale + p), shift = load(f.shift + p), slope = broadcast(f.slope);
    if (with == nullptr) {
      for (std::int64_t v = 0; v < voxels; ++v) {
        const V z = load(x + v * 16 + p) * scale + shift;
        store(z < 0 ? z * slope : z, to + v * 16 + p);
      }
    } else {
      const V with_scale = load(f.with_scale + p);
      for (std::int64_t v = 0; v < voxels; ++v) {
        const V z = load(x + v * 16 + p) * scale + (load(with + v * 16 + p) * with_scale + shift);
        store(z < 0 ? z * slope : z, to + v * 16 + p);
      }
    }
  }
}

template <int N>
void combine_of(const float* from, float* to, std::int64_t count, const std::int64_t* offset, const float* factor) {
  const float* at[N];
  V f[N];
  for (int i = 0; i < N; ++i) {
    at[i] = from + offset[i];
    f[i] = broadcast(factor[i]);
  }
  for (std::int64_t v = 0; v < count; v += kWidth) {
    V sum = load(at[0] + v) * f[0];
    for (int i = 1; i < N; ++i) sum += load(at[i] + v) * f[i];
    store(sum, to + v);
  }
}
void combine(const float* from, float* to, std::int64_t count, const std::int64_t* offset, const float* factor,
             int terms) {
  if (terms == 1) return combine_of<1>(from, to, count, offset, factor);
  if (terms == 2) return combine_of<2>(from, to, count, offset, factor);
  if (terms == 3) return combine_of<3>(from, to, count, offset, factor);
  return combine_of<4>(from, to, count, offset, factor);
}

// The transforms of one axis, A points, `S` vectors apart: F(2,3) at 0, 1, -1, infinity; F(4,3) at 0, +-1/sqrt(2),
// +-sqrt(2), infinity. The matrices are those of winograd_matrices.h.
inline constexpr float kRoot = 1.41421356237309505f;

template <int A, int S>
NNUNET_INLINE void to_points(V* x) {
  if constexpr (A == 4) {
    const V a = x[0] - x[2 * S], b = x[S] + x[2 * S], c = x[2 * S] - x[S], d = x[S] - x[3 * S];
    x[0] = a;
    x[S] = b;
    x[2 * S] = c;
    x[3 * S] = d;
  } else {
    const V even = x[4 * S] - 2 * x[2 * S], odd = (x[3 * S] - 2 * x[S]) * (kRoot / 2);
    const V even2 = x[4 * S] - 0.5f * x[2 * S], odd2 = (x[3 * S] - 0.5f * x[S]) * kRoot;
    const V a = x[0] + (x[4 * S] - 2.5f * x[2 * S]), f = x[S] + (x[5 * S] - 2.5f * x[3 * S]);
    x[0] = a;
    x[S] = even + odd;
    x[2 * S] = even - odd;
    x[3 * S] = even2 + odd2;
    x[4 * S] = even2 - odd2;
    x[5 * S] = f;
  }
}

/// A points to A - 2 outputs.
template <int A, int S>
NNUNET_INLINE void from_points(V* x) {
  if constexpr (A == 4) {
    const V a = x[0] + x[S] + x[2 * S], b = x[S] - x[2 * S] - x[3 * S];
    x[0] = a;
    x[S] = b;
  } else {
    const V s = x[S] + x[2 * S], m = (x[S] - x[2 * S]) * (kRoot / 2), s2 = x[3 * S] + x[4 * S],
            m2 = (x[3 * S] - x[4 * S]) * kRoot;
    const V a = x[0] + s + s2, b = m + m2, c = 0.5f * s + 2 * s2, d = 0.5f * m + 2 * m2 + x[5 * S];
    x[0] = a;
    x[S] = b;
    x[2 * S] = c;
    x[3 * S] = d;
  }
}

/// The points of a tile whose first input is `corner`.
template <int AH, int AW>
NNUNET_INLINE void points_of(const float* corner, std::int64_t line, V* v) {
#pragma GCC unroll 6
  for (int i = 0; i < AH; ++i) {
#pragma GCC unroll 6
    for (int j = 0; j < AW; ++j) v[i * AW + j] = load(corner + (i * line + j) * 16);
    to_points<AW, 1>(v + i * AW);
  }
#pragma GCC unroll 6
  for (int j = 0; j < AW; ++j) to_points<AH, AW>(v + j);
}

template <int AH, int AW, class U>
void input(const float* from, U* to, const TileBox& box) {
  for (std::int64_t tile = 0, z = 0; z < box.planes(); ++z)
    for (std::int64_t y = 0; y < box.h; ++y)
      for (std::int64_t x = 0; x < box.w; ++x, ++tile) {
        const float* const corner = from + ((z * box.lines + y * (AH - 2)) * box.line + x * (AW - 2)) * 16;
        for (int p = 0; p < 16; p += kWidth) {
          V v[AH * AW];
          points_of<AH, AW>(corner + p, box.line, v);
#pragma GCC unroll 36
          for (int i = 0; i < AH * AW; ++i) store(v[i], to + i * box.matrix + tile * 16 + p);
        }
      }
}

/// Sums of so many blocks of input channels are added to the result at a time: of shorter sums, with smaller rounding
/// errors.
inline constexpr std::int64_t kSummed = 2;

template <int R, int C>
NNUNET_INLINE void some_rows(const float* tiles, std::int64_t blocks, std::int64_t padded, const float* w, float* to,
                             bool first) {
  V sum[R][C] = {};
  for (std::int64_t b = 0; b < blocks; ++b, tiles += padded * 16)
#pragma GCC unroll 4
    for (int k = 0; k < 16; ++k, w += C * kWidth) {
      V column[C];
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) column[c] = load(w + c * kWidth);
#pragma GCC unroll 24
      for (int r = 0; r < R; ++r) {
        const V x = broadcast(tiles[r * 16 + k]);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sum[r][c] += x * column[c];
      }
    }
#pragma GCC unroll 24
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      float* const result = to + (c * kWidth / 16) * padded * 16 + r * 16 + c * kWidth % 16;
      store(first ? sum[r][c] : load(result) + sum[r][c], result);
    }
}
template <int R, int C>
NNUNET_INLINE void rows(const float* tiles, std::int64_t blocks, std::int64_t padded, const float* w, float* to) {
  for (std::int64_t b = 0; b < blocks; b += kSummed)
    some_rows<R, C>(tiles + b * padded * 16, blocks - b < kSummed ? blocks - b : kSummed, padded,
                    w + b * 16 * C * kWidth, to, b == 0);
}

#if NNUNET_BF16
template <int R, int C>
NNUNET_INLINE void rows(const Bfloat16* tiles, std::int64_t blocks, std::int64_t padded, const Bfloat16* w, float* to) {
  __m512 sum[R][C] = {};
  for (std::int64_t b = 0; b < blocks; ++b, tiles += padded * 16)
#pragma GCC unroll 4
    for (int k = 0; k < 8; ++k, w += 32 * C) {
      __m512bh column[C];
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) column[c] = (__m512bh)_mm512_loadu_si512(w + c * 32);
#pragma GCC unroll 24
      for (int r = 0; r < R; ++r) {
        std::int32_t pair;
        std::memcpy(&pair, tiles + r * 16 + 2 * k, sizeof pair);
        const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 2
        for (int c = 0; c < C; ++c) sum[r][c] = _mm512_dpbf16_ps(sum[r][c], x, column[c]);
      }
    }
#pragma GCC unroll 24
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) _mm512_storeu_ps(to + (c * padded + r) * 16, sum[r][c]);
}
#endif

/// C: vectors of output channels.
template <class U, int C>
void multiply(const U* tiles, std::int64_t blocks, std::int64_t padded, const U* weights, float* to) {
  std::int64_t t = 0;
  if constexpr (C < kColumns)
    for (; t + 2 * kRows <= padded; t += 2 * kRows)
      rows<2 * kRows, C>(tiles + t * 16, blocks, padded, weights, to + t * 16);
  for (; t + kRows <= padded; t += kRows) rows<kRows, C>(tiles + t * 16, blocks, padded, weights, to + t * 16);
  for (; t + kRows / 3 * 2 <= padded; t += kRows / 3 * 2)
    rows<kRows / 3 * 2, C>(tiles + t * 16, blocks, padded, weights, to + t * 16);
  for (; t < padded; t += kRows / 3) rows<kRows / 3, C>(tiles + t * 16, blocks, padded, weights, to + t * 16);
}

template <int AH, int AW>
void output(const float* from, std::int64_t matrix, float* to, const TileBox& box, const float* factor,
            const bool* first, int steps) {
  constexpr int kH = AH - 2, kW = AW - 2;
  const std::int64_t plane = box.plane_h * box.plane_w * 16;
  for (std::int64_t tile = 0, z = 0; z < box.planes(); ++z)
    for (std::int64_t y = 0; y < box.h; ++y)
      for (std::int64_t x = 0; x < box.w; ++x, ++tile) {
        float* const corner = to + z * steps * plane + (y * kH * box.plane_w + x * kW) * 16;
        for (int p = 0; p < 16; p += kWidth) {
          V v[AH * AW];
#pragma GCC unroll 6
          for (int j = 0; j < AW; ++j) {
#pragma GCC unroll 6
            for (int i = 0; i < AH; ++i) v[i * AW + j] = load(from + (i * AW + j) * matrix + tile * 16 + p);
            from_points<AH, AW>(v + j);
          }
#pragma GCC unroll 4
          for (int i = 0; i < kH; ++i) from_points<AW, 1>(v + i * AW);
          for (int s = 0; s < steps; ++s) {
            if (factor[s] == 0) continue;
            const V f = broadcast(factor[s]);
            float* const q = corner + s * plane + p;
#pragma GCC unroll 4
            for (int i = 0; i < kH; ++i)
#pragma GCC unroll 4
              for (int j = 0; j < kW; ++j) {
                float* const voxel = q + (i * box.plane_w + j) * 16;
                store(first[s] ? v[i * AW + j] * f : load(voxel) + v[i * AW + j] * f, voxel);
              }
          }
        }
      }
}

/// `kStatistics`: 0 none, 1 moments, 2 through the norm.
template <int kStatistics, class T>
NNUNET_INLINE void line_out_of(const float* from, const T* x, T* to, std::int64_t voxels, const LineOut& f) {
  for (int p = 0; p < 16; p += kWidth) {
    const V bias = f.bias != nullptr ? load(f.bias + p) : V{}, slope = broadcast(f.slope);
    V pivot{}, sum{}, square{}, rstd{}, offset{}, gamma{}, beta{};
    if constexpr (kStatistics > 0) {
      sum = load(f.sum + p);
      square = load(f.square + p);
    }
    if constexpr (kStatistics == 1) pivot = load(f.pivot + p);
    if constexpr (kStatistics == 2) {
      rstd = load(f.rstd + p);
      offset = load(f.offset + p);
      gamma = load(f.gamma + p);
      beta = load(f.beta + p);
    }
    for (std::int64_t v = p; v < voxels * 16; v += 16) {
      V y = load(from + v) + bias;
      if (f.add) y += load(to + v);
      if constexpr (kStatistics == 2) {
        const V xhat = load(x + v) * rstd + offset, z = xhat * gamma + beta;
        y = z < 0 ? y * slope : y;
        sum += y;
        square += y * xhat;
      }
      store(y, to + v);
      if constexpr (kStatistics == 1) {
        y -= pivot;
        sum += y;
        square += y * y;
      }
    }
    if constexpr (kStatistics > 0) {
      store(sum, f.sum + p);
      store(square, f.square + p);
    }
  }
}
template <class T>
void line_out(const float* from, const T* x, T* to, std::int64_t voxels, const LineOut& f) {
  if (f.rstd != nullptr) return line_out_of<2>(from, x, to, voxels, f);
  if (f.pivot != nullptr) return line_out_of<1>(from, x, to, voxels, f);
  line_out_of<0>(from, x, to, voxels, f);
}

/// A outputs' gradients to the points: the transpose of from_points.
template <int S>
NNUNET_INLINE void gradient_to_points(const V* y, V* to) {
  to[0] = y[0];
  to[S] = y[0] + y[1];
  to[2 * S] = y[0] - y[1];
  to[3 * S] = -y[1];
}

/// The points of a tile's gradients, the first of which is `corner`.
NNUNET_INLINE void gradient_points_of(const float* corner, std::int64_t line, V* v) {
  V columns[8];  // (h, w) of 4 x 2
#pragma GCC unroll 2
  for (int j = 0; j < 2; ++j) {
    const V column[2] = {load(corner + j * 16), load(corner + (line + j) * 16)};
    gradient_to_points<2>(column, columns + j);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) gradient_to_points<1>(columns + 2 * i, v + 4 * i);
}

void gradient(const float* from, float* to, const TileBox& box) {
  for (std::int64_t tile = 0, z = 0; z < box.planes(); ++z)
    for (std::int64_t y = 0; y < box.h; ++y)
      for (std::int64_t x = 0; x < box.w; ++x, ++tile) {
        const float* const corner = from + ((z * box.plane_h + y * 2) * box.plane_w + x * 2) * 16;
        for (int p = 0; p < 16; p += kWidth) {
          V v[16];
          gradient_points_of(corner + p, box.plane_w, v);
#pragma GCC unroll 16
          for (int i = 0; i < 16; ++i) store(v[i], to + i * box.matrix + tile * 16 + p);
        }
      }
}

void accumulate(const float* tiles, const float* gradients, std::int64_t padded, std::int64_t count, float* to,
                std::int64_t columns) {
  constexpr int kInputs = kRows / 3 * 2;  // input channels at a time
  for (int k = 0; k + kInputs <= 16; k += kInputs, to += kInputs * columns) {
    V sum[kInputs][kColumns];
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c) sum[r][c] = load(to + r * columns + c * kWidth);
    for (std::int64_t t = 0; t < count; ++t) {
      V column[kColumns];
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c)
        column[c] = load(gradients + (c * kWidth / 16) * padded * 16 + t * 16 + c * kWidth % 16);
#pragma GCC unroll 8
      for (int r = 0; r < kInputs; ++r) {
        const V x = broadcast(tiles[t * 16 + k + r]);
#pragma GCC unroll 4
        for (int c = 0; c < kColumns; ++c) sum[r][c] += x * column[c];
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c) store(sum[r][c], to + r * columns + c * kWidth);
  }
}

#if NNUNET_BF16
// Gradient by the weights in bfloat16: the dot product takes two tiles at once, so their values lie beside each other.

/// points(z, y, x, v): of the tile there.
template <class Points>
NNUNET_INLINE void for_tile_pairs(Bfloat16* to, const TileBox& box, const Points& points) {
  const __m512i beside = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                          21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  V v[2][16];
  const auto write = [&](std::int64_t pair) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(v[1][i], v[0][i]);
      _mm512_storeu_si512(to + i * box.matrix + pair * 32, _mm512_permutexvar_epi16(beside, both));
    }
  };
  std::int64_t tile = 0;
  for (std::int64_t z = 0; z < box.planes(); ++z)
    for (std::int64_t y = 0; y < box.h; ++y)
      for (std::int64_t x = 0; x < box.w; ++x, ++tile) {
        points(z, y, x, v[tile % 2]);
        if (tile % 2 == 1) write(tile / 2);
      }
  if (tile % 2 == 0) return;
  for (V& p : v[1]) p = V{};
  write(tile / 2);
}

void input_pairs(const float* from, Bfloat16* to, const TileBox& box) {
  for_tile_pairs(to, box, [&](std::int64_t z, std::int64_t y, std::int64_t x, V* v) {
    points_of<4, 4>(from + ((z * box.lines + y * 2) * box.line + x * 2) * 16, box.line, v);
  });
}
void gradient_pairs(const float* from, Bfloat16* to, const TileBox& box) {
  for_tile_pairs(to, box, [&](std::int64_t z, std::int64_t y, std::int64_t x, V* v) {
    gradient_points_of(from + ((z * box.plane_h + y * 2) * box.plane_w + x * 2) * 16, box.plane_w, v);
  });
}

void accumulate_pairs(const Bfloat16* tiles, const Bfloat16* gradients, std::int64_t padded, std::int64_t count,
                      float* to, std::int64_t columns) {
  constexpr int kInputs = kRows / 3 * 2;
  for (int k = 0; k < 16; k += kInputs, to += kInputs * columns) {
    __m512 sum[kInputs][2];
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r) {
      sum[r][0] = _mm512_loadu_ps(to + r * columns);
      sum[r][1] = _mm512_loadu_ps(to + r * columns + 16);
    }
    for (std::int64_t t = 0; t < count; t += 2) {
      const __m512bh left = (__m512bh)_mm512_loadu_si512(gradients + t * 16),
                     right = (__m512bh)_mm512_loadu_si512(gradients + (padded + t) * 16);
#pragma GCC unroll 8
      for (int r = 0; r < kInputs; ++r) {
        std::int32_t pair;
        std::memcpy(&pair, tiles + t * 16 + 2 * (k + r), sizeof pair);
        const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, left);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, right);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kInputs; ++r) {
      _mm512_storeu_ps(to + r * columns, sum[r][0]);
      _mm512_storeu_ps(to + r * columns + 16, sum[r][1]);
    }
  }
}
#endif

template <class U>
constexpr void set_input(TileStages<U>& s) {
  s.input[0][0] = input<4, 4, U>;
  s.input[0][1] = input<4, 6, U>;
  s.input[1][0] = input<6, 4, U>;
  s.input[1][1] = input<6, 6, U>;
  for (int blocks = 1; blocks <= kOutBlocks; ++blocks)
    s.multiply[blocks - 1] = blocks == kOutBlocks ? multiply<U, kColumns> : multiply<U, kColumns / kOutBlocks>;
}

constexpr WinogradStages stages_here() {
  WinogradStages s;
  s.tile_multiple = kRows / 3;
  s.out_blocks = kOutBlocks;
  s.float_lines = {line_in<float>, line_out<float>};
  s.half_lines = {line_in<Bfloat16>, line_out<Bfloat16>};
  set_input(s.float_tiles);
#if NNUNET_BF16
  s.bf16 = true;
  set_input(s.half_tiles);
  s.half_gradient = {input_pairs, gradient_pairs, accumulate_pairs};
#endif
  s.combine = combine;
  s.output[0][0] = output<4, 4>;
  s.output[0][1] = output<4, 6>;
  s.output[1][0] = output<6, 4>;
  s.output[1][1] = output<6, 6>;
  s.float_gradient = {input<4, 4, float>, gradient, accumulate};
  return s;
}
