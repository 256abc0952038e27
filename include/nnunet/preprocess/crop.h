#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "nnunet/core/array.h"

namespace nnunet {

/// Voxels [start, end) of a grid (D,H,W).
struct Box {
  Shape3 start{}, end{};

  Shape3 shape() const { return {end[0] - start[0], end[1] - start[1], end[2] - start[2]}; }
  bool operator==(const Box&) const = default;
};

/// Smallest box that holds every voxel > 0 of any channel of (C,D,H,W); nothing when there is none.
std::optional<Box> foreground_box(const Array<float>& image);

/// True when a value is NaN or infinite.
bool has_non_finite(std::span<const float> values);

/// Copies out[start + i] = in[i] for the part of a volume `in` (D,H,W) that a window of shape `out_shape` starting at
/// `offset` of it covers; the rest of out is left as it is. A negative offset pads, a positive one crops.
template <class T>
void copy_window(std::span<const T> in, const Shape3& in_shape, const Shape3& offset, std::span<T> out,
                 const Shape3& out_shape) {
  Shape3 first{}, last{};  // of out
  for (std::size_t a = 0; a < 3; ++a) {
    first[a] = std::max<std::int64_t>(0, -offset[a]);
    last[a] = std::min(out_shape[a], in_shape[a] - offset[a]);
    if (first[a] >= last[a]) return;
  }
  for (std::int64_t z = first[0]; z < last[0]; ++z)
    for (std::int64_t y = first[1]; y < last[1]; ++y)
      std::copy_n(in.data() + ((z + offset[0]) * in_shape[1] + y + offset[1]) * in_shape[2] + first[2] + offset[2],
                  last[2] - first[2], out.data() + (z * out_shape[1] + y) * out_shape[2] + first[2]);
}

/// The box of (C,D,H,W) or, for arrays of three axes, of (D,H,W).
template <class T>
Array<T> crop(const Array<T>& array, const Box& box) {
  const Shape3 from = array.spatial(), to = box.shape();
  const bool channels = array.shape.size() == 4;
  const std::int64_t count = channels ? array.size(0) : 1;
  Array<T> result(channels ? std::vector<std::int64_t>{count, to[0], to[1], to[2]}
                           : std::vector<std::int64_t>{to[0], to[1], to[2]});
  const auto in = static_cast<std::size_t>(volume(from)), out = static_cast<std::size_t>(volume(to));
  for (std::size_t c = 0; c < static_cast<std::size_t>(count); ++c)
    copy_window<T>(std::span<const T>(array.values).subspan(c * in, in), from, box.start,
                   std::span<T>(result.values).subspan(c * out, out), to);
  return result;
}

}  // namespace nnunet
