#include <utility>

#include "coarse_axis.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_intensity.h"

namespace nnunet {
namespace {

constexpr Vectorized pick = [](const float* row, const std::int32_t* low, const std::int32_t* high,
                               const float* low_weight, const float* high_weight, std::int64_t n, float* __restrict out)
                                NNUNET_INLINED {
                                  for (std::int64_t i = 0; i < n; ++i)
                                    out[i] = row[low[i]] * low_weight[i] + row[high[i]] * high_weight[i];
                                };

constexpr Vectorized mix = [](const float* a, const float* b, float a_weight, float b_weight, std::int64_t n,
                              float* __restrict out) NNUNET_INLINED {
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * a_weight + b[i] * b_weight;
};

/// Planes of the coarse grid, brought to the fine grid of the plane.
class CoarsePlanes {
 public:
  CoarsePlanes(const CoarseAxis& height, const CoarseAxis& width, PatchScratch& scratch)
      : height_(height), width_(width), rows_(scratch.rows), planes_(scratch.planes) {
    rows_.resize(height_.kept.size() * width_.low.size());
    planes_.resize(2 * height_.low.size() * width_.low.size());
  }

  /// The plane that one of the fine grid becomes; two neighbours are kept.
  const float* plane(const float* fine, std::int32_t number) {
    const std::size_t slot = static_cast<std::size_t>(number) % 2;
    const std::size_t h = height_.low.size(), w = width_.low.size();
    float* const out = planes_.data() + slot * h * w;
    if (std::exchange(held_[slot], number) == number) return out;
    const auto n = static_cast<std::int64_t>(w);
    for (std::size_t y = 0; y < height_.kept.size(); ++y)
      pick(fine + height_.kept[y] * n, width_.low.data(), width_.high.data(), width_.low_weight.data(),
           width_.high_weight.data(), n, rows_.data() + y * w);
    for (std::size_t y = 0; y < h; ++y)
      mix(row(height_.low[y]), row(height_.high[y]), height_.low_weight[y], height_.high_weight[y], n, out + y * w);
    return out;
  }

 private:
  const float* row(std::int32_t coarse) const {
    return rows_.data() + static_cast<std::size_t>(coarse) * width_.low.size();
  }

  const CoarseAxis &height_, &width_;
  std::vector<float>&rows_, &planes_;
  std::int32_t held_[2] = {-1, -1};
};

}  // namespace

// In place: the planes of the fine grid that a voxel's neighbours come from are never before it, but for the one that
// is held already.
void lower_resolution(TrainingPatch& patch, std::int64_t channel, const std::array<float, 3>& factors,
                      PatchScratch& scratch) {
  const Shape3 size = patch.image.spatial();
  const CoarseAxis depth(size[0], factors[0]), height(size[1], factors[1]);
  CoarseAxis width(size[2], factors[2]);
  width.to_fine();
  CoarsePlanes coarse(height, width, scratch);
  const std::int64_t plane = size[1] * size[2];
  float* const values = patch.image.slab(channel).data();
  for (std::int64_t d = 0; d < size[0]; ++d) {
    const auto i = static_cast<std::size_t>(d);
    const auto of = [&](std::int32_t number) {
      return coarse.plane(values + depth.kept[static_cast<std::size_t>(number)] * plane, number);
    };
    const float* const low = of(depth.low[i]);
    const float* const high = of(depth.high[i]);
    mix(low, high, depth.low_weight[i], depth.high_weight[i], plane, values + d * plane);
  }
}

}  // namespace nnunet
