#include "npy_values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace nnunet {

namespace {

/// Fortran order to C order. The first and the last axis, innermost here and there, are walked in tiles that stay in
/// the cache.
template <std::size_t N>
void transpose(const std::vector<std::int64_t>& shape, const std::byte* stored, std::byte* out) {
  constexpr std::size_t tile = 32;
  const std::size_t axes = shape.size();
  std::size_t middle = 1;  // entries between first and last axis
  for (std::size_t a = 1; a + 1 < axes; ++a) middle *= static_cast<std::size_t>(shape[a]);
  const auto first = static_cast<std::size_t>(shape.front()), last = static_cast<std::size_t>(shape.back());
  const std::size_t row_in = first * middle, row_out = middle * last;  // from entry to entry of the other axis
  for (std::size_t m = 0; m < middle; ++m) {
    // The entry's place among the middle axes, which are in reverse order in the file.
    std::size_t rest = m, in = 0, step = middle;
    for (std::size_t a = 1; a + 1 < axes; ++a) {
      const auto size = static_cast<std::size_t>(shape[a]);
      step /= size;
      const std::size_t index = rest / step;
      rest %= step;
      std::size_t stride = 1;
      for (std::size_t b = 1; b < a; ++b) stride *= static_cast<std::size_t>(shape[b]);
      in += index * stride;
    }
    const std::byte* from = stored + in * first * N;
    std::byte* to = out + m * last * N;
    for (std::size_t i0 = 0; i0 < first; i0 += tile)
      for (std::size_t j0 = 0; j0 < last; j0 += tile)
        for (std::size_t i = i0; i < std::min(first, i0 + tile); ++i)
          for (std::size_t j = j0; j < std::min(last, j0 + tile); ++j)
            std::memcpy(to + (i * row_out + j) * N, from + (j * row_in + i) * N, N);
  }
}

template <std::size_t N>
void make_plain(const NpyLayout& layout, std::span<const std::byte> stored, std::byte* out) {
  if (layout.fortran)
    transpose<N>(layout.shape, stored.data(), out);
  else
    std::copy(stored.begin(), stored.end(), out);
  if (!layout.swapped) return;
  for (std::byte* value = out; value != out + stored.size(); value += N) std::reverse(value, value + N);
}

}  // namespace

void copy_plain(const NpyLayout& layout, std::span<const std::byte> stored, std::byte* out) {
  if (stored.empty()) return;
  if (layout.value_bytes == 1) make_plain<1>(layout, stored, out);
  if (layout.value_bytes == 2) make_plain<2>(layout, stored, out);
  if (layout.value_bytes == 4) make_plain<4>(layout, stored, out);
  if (layout.value_bytes == 8) make_plain<8>(layout, stored, out);
}

namespace {

/// IEEE 754 binary16; float holds all of its numbers.
float half_to_float(std::uint16_t half) {
  constexpr std::uint32_t infinite = 31, bias = 127 - 15;
  const std::uint32_t sign = (half & 0x8000U) << 16U, exponent = (half >> 10U) & 31U, fraction = half & 0x3ffU;
  if (exponent == 0) {  // 0 and the numbers that have no leading 1
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == infinite ? 255 : exponent + bias;
  return std::bit_cast<float>(sign | wide << 23U | fraction << 13U);
}

}  // namespace

void widen_halves(std::span<const std::uint16_t> halves, float* out) {
  for (const std::uint16_t half : halves) *out++ = half_to_float(half);
}

}  // namespace nnunet
