#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "nnunet/core/array.h"
#include "nnunet/core/parallel.h"

// Axes in another order: axis i of the result is axis order[i] of the input.
namespace nnunet {

/// One value an axis (a shape, a spacing) in the new order.
template <class T>
std::array<T, 3> in_order(const std::array<T, 3>& values, const std::array<int, 3>& order) {
  std::array<T, 3> result{};
  for (std::size_t i = 0; i < 3; ++i) result[i] = values[static_cast<std::size_t>(order[i])];
  return result;
}

/// The order that undoes one.
inline std::array<int, 3> inverse_order(const std::array<int, 3>& order) {
  std::array<int, 3> inverse{};
  for (std::size_t i = 0; i < 3; ++i) inverse[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  return inverse;
}

/// A volume of this shape (D,H,W) into out, by up to `threads` threads.
template <class T>
void transpose_volume(std::span<const T> in, const Shape3& shape, const std::array<int, 3>& order, std::span<T> out,
                      int threads = 1) {
  const Shape3 to = in_order(shape, order);
  const Shape3 strides = in_order(Shape3{shape[1] * shape[2], shape[2], 1}, order);
  constexpr std::int64_t tile = 16;  // a cache line of floats
  // Tiles of the result's last axis and of the one that is the input's last, so that both are read and written densely.
  const bool first_is_dense = order[0] == 2;
  const std::int64_t outer = first_is_dense ? to[1] : to[0], dense = first_is_dense ? to[0] : to[1];
  const std::int64_t outer_in = strides[first_is_dense ? 1 : 0], dense_in = strides[first_is_dense ? 0 : 1];
  const std::int64_t outer_out = first_is_dense ? to[2] : to[1] * to[2];
  const std::int64_t dense_out = first_is_dense ? to[1] * to[2] : to[2];
  parallel_for(outer, threads, [&](std::int64_t o) {
    const T* from = in.data() + o * outer_in;
    T* into = out.data() + o * outer_out;
    if (strides[2] == 1) {
      for (std::int64_t d = 0; d < dense; ++d) std::copy_n(from + d * dense_in, to[2], into + d * dense_out);
      return;
    }
    for (std::int64_t d0 = 0; d0 < dense; d0 += tile)
      for (std::int64_t x0 = 0; x0 < to[2]; x0 += tile)
        for (std::int64_t d = d0; d < std::min(dense, d0 + tile); ++d)
          for (std::int64_t x = x0; x < std::min(to[2], x0 + tile); ++x)
            into[d * dense_out + x] = from[d * dense_in + x * strides[2]];
  });
}

/// (C,D,H,W), or (D,H,W). What is in that order already is handed back.
template <class T>
Array<T> transposed(Array<T> array, const std::array<int, 3>& order, int threads = 1) {
  if (order == std::array<int, 3>{0, 1, 2}) return array;
  const Shape3 shape = array.spatial(), to = in_order(shape, order);
  Array<T> result;
  result.shape = array.shape;
  std::copy(to.begin(), to.end(), result.shape.end() - 3);
  result.values.resize(array.values.size());
  const auto voxels = static_cast<std::size_t>(volume(shape));
  for (std::size_t first = 0; first < array.values.size(); first += voxels)
    transpose_volume<T>(std::span<const T>(array.values).subspan(first, voxels), shape, order,
                        std::span<T>(result.values).subspan(first, voxels), threads);
  return result;
}

}  // namespace nnunet
