#pragma once
#include <array>
#include <span>
#include <vector>

#include "grid.h"
#include "nnunet/core/vectorized.h"

// Linear resampling axis by axis: x, then y within a slice, then z between two slices. An Axis has low, high,
// low_weight and high_weight, one each an output sample; sums are taken in the weights' type.
namespace nnunet::grid {

template <class Axis>
using WeightOf = typename decltype(Axis::low_weight)::value_type;

namespace planes {

constexpr Vectorized stretch_row = [](const float* row, const auto& axis, auto* out) NNUNET_INLINED {
  using Real = WeightOf<std::remove_cvref_t<decltype(axis)>>;
  const std::int32_t *low = axis.low.data(), *high = axis.high.data();
  const Real *low_weight = axis.low_weight.data(), *high_weight = axis.high_weight.data();
  const Index width = axis.size();
  for (Index x = 0; x < width; ++x)
    out[x] = static_cast<Real>(row[low[x]]) * low_weight[x] + static_cast<Real>(row[high[x]]) * high_weight[x];
};

constexpr Vectorized mix = [](const auto* a, const auto* b, auto wa, auto wb, Index count, auto* out) NNUNET_INLINED {
  using Out = std::remove_pointer_t<decltype(out)>;
  for (Index i = 0; i < count; ++i) out[i] = static_cast<Out>(a[i] * wa + b[i] * wb);
};

}  // namespace planes

/// Slices of (H,W) at another size.
template <class Axis>
class PlaneResampler {
 public:
  using Real = WeightOf<Axis>;

  PlaneResampler(const Axis& y, const Axis& x, Index height, Index width)
      : y_(y), x_(x), height_(height), width_(width), rows_(at(height * x.size())) {}
  Index area() const { return y_.size() * x_.size(); }

  template <class Out>
  void operator()(const float* slice, Out* out) {
    const Index to = x_.size();
    for (Index y = 0; y < height_; ++y) planes::stretch_row(slice + y * width_, x_, rows_.data() + y * to);
    for (std::size_t y = 0; y < at(y_.size()); ++y, out += to)
      planes::mix(rows_.data() + y_.low[y] * to, rows_.data() + y_.high[y] * to, y_.low_weight[y], y_.high_weight[y],
                  to, out);
  }

 private:
  const Axis &y_, &x_;
  Index height_, width_;
  std::vector<Real> rows_;
};

/// The last two slices that were asked for, resampled.
template <class Axis>
class PlanePair {
 public:
  using Real = WeightOf<Axis>;

  PlanePair(std::span<const float> volume, PlaneResampler<Axis> resampler, Index slice)
      : volume_(volume), resampler_(std::move(resampler)), slice_(slice) {
    for (auto& plane : planes_) plane.resize(at(resampler_.area()));
  }

  /// Slice z; slice `keep` stays what it is.
  const Real* plane(Index z, Index keep) {
    for (std::size_t s = 0; s < 2; ++s)
      if (held_[s] == z) return planes_[s].data();
    const std::size_t s = held_[0] == keep ? 1 : 0;
    resampler_(volume_.data() + z * slice_, planes_[s].data());
    held_[s] = z;
    return planes_[s].data();
  }

 private:
  std::span<const float> volume_;
  PlaneResampler<Axis> resampler_;
  Index slice_;
  std::array<Index, 2> held_{-1, -1};
  std::array<std::vector<Real>, 2> planes_;
};

/// A volume (D,H,W), whose last two sizes are given, to the axes' sizes.
template <class Axis>
void resample_planes(std::span<const float> in, Index height, Index width, const Axis& z, const Axis& y, const Axis& x,
                     float* out, int threads) {
  constexpr Index chunk = 16;  // neighbouring output slices lie between the same input slices
  const Index area = y.size() * x.size();
  parallel_for((z.size() + chunk - 1) / chunk, threads, [&](Index c) {
    PlanePair<Axis> pair(in, PlaneResampler<Axis>(y, x, height, width), height * width);
    for (Index i = c * chunk; i < std::min(z.size(), (c + 1) * chunk); ++i) {
      const Index low = z.low[at(i)], high = z.high[at(i)];
      const auto* below = pair.plane(low, high);
      const auto* above = pair.plane(high, low);
      planes::mix(below, above, z.low_weight[at(i)], z.high_weight[at(i)], area, out + i * area);
    }
  });
}

}  // namespace nnunet::grid
