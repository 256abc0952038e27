#include "nnunet/preprocess/resample.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "grid.h"
#include "nnunet/core/error.h"
#include "nnunet/core/rounding.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {

namespace {

using namespace grid;

// Four rows of the input, one weight each, become one.
constexpr Vectorized mix_rows = [](const std::array<const float*, 4>& row, const std::array<float, 4>& weight,
                                   Index width, float* out) NNUNET_INLINED {
  const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
  const auto [wa, wb, wc, wd] = weight;
  for (Index x = 0; x < width; ++x) out[x] = wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
};

// Two neighbours of a row for each output sample.
constexpr Vectorized stretch_row = [](const float* row, const LinearAxis& axis, float* out) NNUNET_INLINED {
  const std::int32_t *low = axis.low.data(), *high = axis.high.data();
  const double *low_weight = axis.low_weight.data(), *high_weight = axis.high_weight.data();
  const Index width = axis.size();
  for (Index x = 0; x < width; ++x)
    out[x] = static_cast<float>(low_weight[x]) * row[low[x]] + static_cast<float>(high_weight[x]) * row[high[x]];
};

// One output slice between two input slices.
void linear_slice(const float* below, const float* above, double wz0, double wz1, const LinearAxis& ay,
                  const LinearAxis& ax, Index width, float* out) {
  std::vector<float> mixed(at(width));
  for (std::size_t y = 0; y < at(ay.size()); ++y, out += ax.size()) {
    const Index low = ay.low[y] * width, high = ay.high[y] * width;
    const double w0 = ay.low_weight[y], w1 = ay.high_weight[y];
    mix_rows(std::array{below + low, below + high, above + low, above + high},
             std::array{static_cast<float>(wz0 * w0), static_cast<float>(wz0 * w1), static_cast<float>(wz1 * w0),
                        static_cast<float>(wz1 * w1)},
             width, mixed.data());
    stretch_row(mixed.data(), ax, out);
  }
}

}  // namespace

Shape3 resampled_shape(const Shape3& shape, const Spacing3& spacing, const Spacing3& target, SizeRounding rounding) {
  Shape3 result{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double size = spacing[a] / target[a] * static_cast<double>(shape[a]);
    if (!(size >= 0 && size <= 1e6))
      throw Error("resampling",
                  fmt::format("{} voxels of {} mm would become {:.3g} of {} mm", shape[a], spacing[a], size, target[a]),
                  "check the voxel size in the image's header (pixdim and xyzt_units)");
    result[a] = rounding == SizeRounding::truncate ? std::max<Index>(1, static_cast<Index>(size)) : half_to_even(size);
  }
  return result;
}

void resample_linear(std::span<const float> image, const Shape3& from, std::span<float> out, const Shape3& to,
                     bool anisotropic, int threads) {
  const LinearAxis ay(from[1], to[1]), ax(from[2], to[2]);
  const Index area = from[1] * from[2], area_out = to[1] * to[2];
  if (anisotropic) {
    SliceGroups(from[0], to[0]).run(out.data(), area_out, threads, [&](Index z, float* made) {
      const float* slice = image.data() + z * area;
      linear_slice(slice, slice, 1.0, 0.0, ay, ax, from[2], made);
    });
    return;
  }
  const LinearAxis az(from[0], to[0]);
  parallel_for(to[0], threads, [&](Index z) {
    linear_slice(image.data() + az.low[at(z)] * area, image.data() + az.high[at(z)] * area, az.low_weight[at(z)],
                 az.high_weight[at(z)], ay, ax, from[2], out.data() + z * area_out);
  });
}

}  // namespace nnunet
