#include <algorithm>
#include <cmath>

#include "nnunet/data/augment.h"

namespace nnunet {
namespace {

// The mirrored half of a normalised Gaussian: weights[k] for the distance k.
std::vector<float> gaussian(float sigma) {
  const auto radius = static_cast<std::int64_t>(std::ceil(3.0F * sigma));
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

// Index of a neighbour beyond the border, mirrored about the edge sample (as often as it takes).
std::int64_t mirrored(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  i = ((i % period) + period) % period;
  return i < n ? i : period - i;
}

// out = weighted sum of 2R+1 rows, rows[R] the centre. R is a constant so that the sum stays in registers.
template <int R>
void sum_rows(const float* const* rows, const float* weights, float* __restrict out, std::int64_t n) {
  for (std::int64_t x = 0; x < n; ++x) {
    float sum = weights[0] * rows[R][x];
    for (int k = 1; k <= R; ++k) sum += weights[k] * (rows[R - k][x] + rows[R + k][x]);
    out[x] = sum;
  }
}

void sum_rows_any(const float* const* rows, const std::vector<float>& weights, float* __restrict out, std::int64_t n) {
  const std::size_t radius = weights.size() - 1;
  for (std::int64_t x = 0; x < n; ++x) out[x] = weights[0] * rows[radius][x];
  for (std::size_t k = 1; k <= radius; ++k) {
    for (std::int64_t x = 0; x < n; ++x) out[x] += weights[k] * (rows[radius - k][x] + rows[radius + k][x]);
  }
}

// One filter of one size, applied along any axis.
class Filter {
 public:
  explicit Filter(float sigma) : weights_(gaussian(sigma)), rows_(2 * weights_.size() - 1) {}
  std::int64_t radius() const { return static_cast<std::int64_t>(weights_.size()) - 1; }

  /// Along the contiguous axis: line has room for n + 2 radius values.
  void along_row(const float* in, float* out, std::int64_t n, float* line) {
    const std::int64_t r = radius();
    for (std::int64_t k = 1; k <= r; ++k) {
      line[r - k] = in[mirrored(-k, n)];
      line[r + n - 1 + k] = in[mirrored(n - 1 + k, n)];
    }
    std::copy_n(in, n, line + r);
    for (std::int64_t k = 0; k <= 2 * r; ++k) rows_[static_cast<std::size_t>(k)] = line + k;
    sum(out, n);
  }

  /// Row i of `count` rows of n values, `stride` apart in `in`.
  void across_rows(const float* in, std::int64_t stride, std::int64_t i, std::int64_t count, float* out,
                   std::int64_t n) {
    const std::int64_t r = radius();
    for (std::int64_t k = 0; k <= 2 * r; ++k) {
      rows_[static_cast<std::size_t>(k)] = in + mirrored(i - r + k, count) * stride;
    }
    sum(out, n);
  }

 private:
  void sum(float* out, std::int64_t n) {
    switch (radius()) {  // sigma 0.5 to 1.5
      case 2:
        return sum_rows<2>(rows_.data(), weights_.data(), out, n);
      case 3:
        return sum_rows<3>(rows_.data(), weights_.data(), out, n);
      case 4:
        return sum_rows<4>(rows_.data(), weights_.data(), out, n);
      case 5:
        return sum_rows<5>(rows_.data(), weights_.data(), out, n);
      default:
        return sum_rows_any(rows_.data(), weights_, out, n);
    }
  }

  std::vector<float> weights_;
  std::vector<const float*> rows_;
};

// Width, then height; each plane is read and written once.
void blur_plane(Filter& filter, float* plane, std::int64_t height, std::int64_t width, AugmentScratch& scratch) {
  scratch.line.resize(static_cast<std::size_t>(width + 2 * filter.radius()));
  scratch.planes.resize(static_cast<std::size_t>(height * width));
  float* const wide = scratch.planes.data();
  for (std::int64_t h = 0; h < height; ++h) {
    filter.along_row(plane + h * width, wide + h * width, width, scratch.line.data());
  }
  for (std::int64_t h = 0; h < height; ++h) {
    filter.across_rows(wide, width, h, height, plane + h * width, width);
  }
}

// Along the depth, for so many voxels of a plane at once that their columns stay in the first-level cache.
void blur_depth(Filter& filter, const PatchView& patch, std::int64_t channel, AugmentScratch& scratch) {
  constexpr std::int64_t kTile = 128;
  const std::int64_t depth = patch.size[0], n = patch.plane_size();
  scratch.planes.resize(static_cast<std::size_t>(depth * kTile));
  float* const columns = scratch.planes.data();
  for (std::int64_t begin = 0; begin < n; begin += kTile) {
    const std::int64_t count = std::min(kTile, n - begin);
    for (std::int64_t d = 0; d < depth; ++d) std::copy_n(patch.plane(channel, d) + begin, count, columns + d * kTile);
    for (std::int64_t d = 0; d < depth; ++d) {
      filter.across_rows(columns, kTile, d, depth, patch.plane(channel, d) + begin, count);
    }
  }
}

}  // namespace

void blur(const PatchView& patch, float sigma, Axes axes, AugmentScratch& scratch) {
  Filter filter(sigma);
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    for (std::int64_t d = 0; d < patch.size[0]; ++d) {
      blur_plane(filter, patch.plane(c, d), patch.size[1], patch.size[2], scratch);
    }
    if (axes == Axes::Volume) blur_depth(filter, patch, c, scratch);
  }
}

}  // namespace nnunet
