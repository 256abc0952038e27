#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "nnunet/core/array.h"
#include "nnunet/preprocess/image_view.h"

namespace nnunet {

/// Voxels [start, end) of a grid (D,H,W).
struct Box {
  Shape3 start{}, end{};

  Shape3 shape() const { return {end[0] - start[0], end[1] - start[1], end[2] - start[2]}; }
  bool operator==(const Box&) const = default;
};

/// Smallest box that holds every voxel > 0 of any channel of (C,D,H,W); nothing when there is none.
std::optional<Box> foreground_box(const ImageView& image);

/// The same for voxels that are not 0: nnU-Net v2's crop, since holes lie within the box. Up to `threads` threads share
/// the work.
std::optional<Box> nonzero_box(const ImageView& image, int threads = 1);

/// True when a value is NaN or infinite.
bool has_non_finite(const ImageView& image, int threads = 1);

/// The box of an image, (C,D,H,W).
Array<float> crop(const ImageView& image, const Box& box, int threads = 1);

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

/// The box of (C,D,H,W) or, for arrays of three axes, of (D,H,W). Rows move within the array's own memory.
template <class T>
Array<T> crop(Array<T> array, const Box& box) {
  const Shape3 from = array.spatial(), to = box.shape();
  if (from == to) return array;
  const std::int64_t channels = array.shape.size() == 4 ? array.size(0) : 1;
  T* out = array.data();
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t z = box.start[0]; z < box.end[0]; ++z)
      for (std::int64_t y = box.start[1]; y < box.end[1]; ++y) {
        const T* row = array.data() + ((c * from[0] + z) * from[1] + y) * from[2] + box.start[2];
        out = std::copy(row, row + to[2], out);  // never ahead of what is still to be read
      }
  array.values.resize(static_cast<std::size_t>(channels * volume(to)));
  std::copy(to.begin(), to.end(), array.shape.end() - 3);
  return array;
}

}  // namespace nnunet
