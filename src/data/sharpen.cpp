#include <algorithm>
#include <utility>

#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_intensity.h"

namespace nnunet {
namespace {

// A row between its neighbours in the plane and in the planes beside it; beyond the ends the edge voxel is repeated, so
// that an axis of one voxel adds nothing.
constexpr Vectorized sharpen_row = [](const float* x, const float* above, const float* below, const float* before,
                                      const float* after, std::int64_t n, float strength,
                                      float* __restrict out) NNUNET_INLINED {
  const auto at = [&](std::int64_t i, float left, float right) {
    const float beside = (left + right) + (above[i] + below[i]) + (before[i] + after[i]);
    return x[i] + strength * (6.0F * x[i] - beside);
  };
  out[0] = at(0, x[0], x[n > 1 ? 1 : 0]);
  for (std::int64_t i = 1; i < n - 1; ++i) out[i] = at(i, x[i - 1], x[i + 1]);
  if (n > 1) out[n - 1] = at(n - 1, x[n - 2], x[n - 1]);
};

}  // namespace

// Copies of the plane before and of the plane itself as they were; the plane after is still to come.
void sharpen(TrainingPatch& patch, std::int64_t channel, float strength, PatchScratch& scratch) {
  const Shape3 size = patch.image.spatial();
  const std::int64_t plane = size[1] * size[2], width = size[2];
  float* const values = patch.image.slab(channel).data();
  scratch.planes.resize(static_cast<std::size_t>(2 * plane));
  float *previous = scratch.planes.data(), *current = previous + plane;
  std::copy_n(values, plane, previous);
  for (std::int64_t d = 0; d < size[0]; ++d) {
    float* const out = values + d * plane;
    std::copy_n(out, plane, current);
    // The plane itself is a copy, so that rows may be overwritten; the last one has itself as its neighbour.
    const float* const next = d + 1 < size[0] ? out + plane : current;
    for (std::int64_t h = 0; h < size[1]; ++h) {
      const std::int64_t up = std::max<std::int64_t>(h - 1, 0) * width, down = std::min(h + 1, size[1] - 1) * width;
      const std::int64_t row = h * width;
      sharpen_row(current + row, current + up, current + down, previous + row, next + row, width, strength, out + row);
    }
    std::swap(previous, current);
  }
}

}  // namespace nnunet
