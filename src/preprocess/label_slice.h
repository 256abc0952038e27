#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "grid.h"
#include "nnunet/core/vectorized.h"

// Label maps on another grid, slice by slice: voxels whose eight corners are of one class, nearly all, are copied.
namespace nnunet::grid {

/// The four rows of the input that an output row lies between: below low, below high, above low, above high.
template <class T>
using Rows = std::array<const T*, 4>;

/// mixed[x]: the four rows differ at x or, unless x is the last, from the first row's x + 1. False: all one class.
constexpr Vectorized find_mixed = [](const auto& row, Index width, auto* mixed) NNUNET_INLINED {
  using T = std::remove_pointer_t<decltype(mixed)>;
  const T *a = row[0], *b = row[1], *c = row[2], *d = row[3];
  T any = 0;
  for (Index x = 0; x < width; ++x) {
    mixed[x] = static_cast<T>((a[x] ^ b[x]) | (a[x] ^ c[x]) | (a[x] ^ d[x]));
    any = static_cast<T>(any | mixed[x]);
  }
  T beside = 0;
  for (Index x = 0; x + 1 < width; ++x) beside = static_cast<T>(beside | (a[x] ^ a[x + 1]));
  if ((any | beside) == 0) return false;
  for (Index x = 0; x + 1 < width; ++x) mixed[x] = static_cast<T>(mixed[x] | mixed[x + 1] | (a[x] ^ a[x + 1]));
  return true;
};

/// One output slice between two input slices (the same one twice for in-plane resampling). in_row(rows, y)
/// hands out what decides about a row's voxel x whose corners differ. An Axis has low and high, one each an output
/// sample.
template <class T, class Axis, class InRow>
void label_slice(const T* below, const T* above, const Axis& ay, const Axis& ax, Index width, T* out,
                 const InRow& in_row) {
  std::vector<T> mixed(at(width));
  for (std::size_t y = 0; y < at(ay.size()); ++y, out += ax.size()) {
    const Index low = ay.low[y] * width, high = ay.high[y] * width;
    const Rows<T> row{below + low, below + high, above + low, above + high};
    if (!find_mixed(row, width, mixed.data())) {
      std::fill_n(out, ax.size(), row[0][0]);
      continue;
    }
    const auto pick = in_row(row, y);
    for (std::size_t x = 0; x < at(ax.size()); ++x) out[x] = mixed[at(ax.low[x])] == 0 ? row[0][ax.low[x]] : pick(x);
  }
}

}  // namespace nnunet::grid
