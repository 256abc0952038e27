#include <algorithm>
#include <cmath>

#include "nnunet/core/vectorized.h"
#include "nnunet/data/augment_math.h"
#include "operators.h"

namespace nnunet {
namespace {

// out = weighted sum of 2R+1 rows, rows[R] the centre. R is a constant so that the sum stays in registers.
template <int R>
inline void sum_rows(const float* const* rows, const float* weights, float* __restrict out, std::int64_t n) {
  for (std::int64_t x = 0; x < n; ++x) {
    out[x] = augmenting::filtered(weights, R, [&](int k) { return rows[R + k][x]; });
  }
}

inline void sum_rows_any(const float* const* rows, const float* weights, std::int64_t radius, float* __restrict out,
                         std::int64_t n) {
  for (std::int64_t x = 0; x < n; ++x) out[x] = weights[0] * rows[radius][x];
  for (std::int64_t k = 1; k <= radius; ++k) {
    for (std::int64_t x = 0; x < n; ++x) out[x] += weights[k] * (rows[radius - k][x] + rows[radius + k][x]);
  }
}

constexpr Vectorized sum = [](const float* const* rows, const float* weights, std::int64_t radius, float* out,
                              std::int64_t n) NNUNET_INLINED {
  switch (radius) {  // sigma 0.3 to 1.5
    case 1:
      return sum_rows<1>(rows, weights, out, n);
    case 2:
      return sum_rows<2>(rows, weights, out, n);
    case 3:
      return sum_rows<3>(rows, weights, out, n);
    case 4:
      return sum_rows<4>(rows, weights, out, n);
    case 5:
      return sum_rows<5>(rows, weights, out, n);
    default:
      return sum_rows_any(rows, weights, radius, out, n);
  }
};

}  // namespace

std::vector<float> gaussian_weights(float sigma, std::int64_t radius) {
  std::vector<double> exact;
  double sum = 0;
  for (std::int64_t k = 0; k <= radius; ++k) {
    const double x = static_cast<double>(k) / sigma;
    exact.push_back(std::exp(-0.5 * x * x));
    sum += exact.back() * (k == 0 ? 1 : 2);
  }
  std::vector<float> weights;
  for (const double w : exact) weights.push_back(static_cast<float>(w / sum));
  return weights;
}

std::vector<float> gaussian_weights(float sigma) {
  return gaussian_weights(sigma, static_cast<std::int64_t>(std::ceil(3.0F * sigma)));
}

Blur::Blur(float sigma) {
  weights_.fill(gaussian_weights(sigma));
}

// Rows with their mirrored ends, `step` apart, so that one sum runs over all rows of the plane at once; the few values
// between rows are not used. Each plane is read and written once.
void Blur::plane(float* values, std::int64_t height, std::int64_t width, AugmentScratch& scratch) const {
  const std::int64_t r = radius(2), rows = radius(1), step = width + 2 * r;
  scratch.line.resize(static_cast<std::size_t>(height * step));
  scratch.filtered.resize(static_cast<std::size_t>(height * step));
  scratch.taps.resize(static_cast<std::size_t>(2 * std::max(r, rows) + 1));
  float *const line = scratch.line.data(), *const wide = scratch.filtered.data();
  const float** const taps = scratch.taps.data();
  for (std::int64_t h = 0; h < height; ++h) {
    const float* const row = values + h * width;
    float* const to = line + h * step;
    std::copy_n(row, width, to + r);
    for (std::int64_t k = 1; k <= r; ++k) {
      to[r - k] = row[augmenting::mirrored(-k, width)];
      to[r + width - 1 + k] = row[augmenting::mirrored(width - 1 + k, width)];
    }
  }
  for (std::int64_t k = 0; k <= 2 * r; ++k) taps[k] = line + k;
  sum(taps, weights_[2].data(), r, wide, height * step - 2 * r);
  for (std::int64_t h = 0; h < height; ++h) {
    for (std::int64_t k = 0; k <= 2 * rows; ++k) taps[k] = wide + augmenting::mirrored(h - rows + k, height) * step;
    sum(taps, weights_[1].data(), rows, values + h * width, width);
  }
}

// For so many voxels of a plane at once that their columns stay in the first-level cache.
void Blur::depth(const PatchView& patch, std::int64_t channel, Intensity& seen, AugmentScratch& scratch) const {
  constexpr std::int64_t kTile = 128;
  const std::int64_t depth = patch.size[0], n = patch.plane_size(), r = radius(0);
  scratch.filtered.resize(static_cast<std::size_t>(depth * kTile));
  scratch.taps.resize(static_cast<std::size_t>(2 * r + 1));
  float* const columns = scratch.filtered.data();
  const float** const taps = scratch.taps.data();
  for (std::int64_t begin = 0; begin < n; begin += kTile) {
    const std::int64_t count = std::min(kTile, n - begin);
    for (std::int64_t d = 0; d < depth; ++d) std::copy_n(patch.plane(channel, d) + begin, count, columns + d * kTile);
    for (std::int64_t d = 0; d < depth; ++d) {
      for (std::int64_t k = 0; k <= 2 * r; ++k) taps[k] = columns + augmenting::mirrored(d - r + k, depth) * kTile;
      float* const out = patch.plane(channel, d) + begin;
      sum(taps, weights_[0].data(), r, out, count);
      seen.see(out, count);
    }
  }
}

void blur(const PatchView& patch, float sigma, Axes axes, AugmentScratch& scratch) {
  const Blur filter(sigma);
  Intensity unchanged(1, 1);
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    for (std::int64_t d = 0; d < patch.size[0]; ++d) {
      filter.plane(patch.plane(c, d), patch.size[1], patch.size[2], scratch);
    }
    if (axes == Axes::Volume) filter.depth(patch, c, unchanged, scratch);
  }
}

}  // namespace nnunet
