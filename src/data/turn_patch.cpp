#include <utility>

#include "nnunet/data/spatial_transform.h"

namespace nnunet {
namespace {

template <class T>
void turn_array(const Turn& turn, Array<T>& array, Array<T>& old) {
  std::swap(array, old);
  const Shape3 size = old.spatial();
  const Shape3 strides{size[1] * size[2], size[2], 1};
  Shape3 turned{}, step{};
  std::int64_t start = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t from = turn.from[axis];
    turned[axis] = size[from];
    step[axis] = turn.flipped[axis] ? -strides[from] : strides[from];
    if (turn.flipped[axis]) start += (size[from] - 1) * strides[from];
  }
  array.shape = {old.size(0), turned[0], turned[1], turned[2]};
  array.values.resize(old.values.size());
  T* out = array.data();
  for (std::int64_t c = 0; c < old.size(0); ++c) {
    const T* const from = old.slab(c).data() + start;
    for (std::int64_t d = 0; d < turned[0]; ++d)
      for (std::int64_t h = 0; h < turned[1]; ++h)
        for (std::int64_t w = 0; w < turned[2]; ++w) *out++ = from[d * step[0] + h * step[1] + w * step[2]];
  }
}

}  // namespace

Turn quarter_turns(int k, std::size_t a, std::size_t b) {
  Turn turn;
  if (k % 2 != 0) std::swap(turn.from[a], turn.from[b]);
  turn.flipped[a] = k == 1 || k == 2;
  turn.flipped[b] = k == 2 || k == 3;
  return turn;
}

void turn_patch(const Turn& turn, TrainingPatch& patch, TrainingPatch& scratch) {
  if (turn == Turn()) return;
  turn_array(turn, patch.image, scratch.image);
  turn_array(turn, patch.labels, scratch.labels);
}

}  // namespace nnunet
