#include <functional>
#include <vector>

#include "linear_planes.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"
#include "spline.h"
#include "torch_axis.h"

// Images by any rule. What is resampled along one axis apart is laid out so that this axis is the first.
namespace nnunet {

namespace {

using namespace grid;
using Volume = std::span<const float>;

void nearest(Volume in, const Shape3& from, float* out, const Shape3& to, int threads) {
  const auto sz = nearest_samples(from[0], to[0]), sy = nearest_samples(from[1], to[1]);
  const auto sx = nearest_samples(from[2], to[2]);
  parallel_for(to[0], threads, [&](Index z) {
    float* row_out = out + z * to[1] * to[2];
    for (std::size_t y = 0; y < at(to[1]); ++y, row_out += to[2]) {
      const float* row = in.data() + (sz[at(z)] * from[1] + sy[y]) * from[2];
      for (std::size_t x = 0; x < at(to[2]); ++x) row_out[x] = row[sx[x]];
    }
  });
}

template <class Axis>
void linear(Volume in, const Shape3& from, float* out, const Shape3& to, int threads) {
  const Axis z(from[0], to[0]), y(from[1], to[1]), x(from[2], to[2]);
  resample_planes(in, from[1], from[2], z, y, x, out, threads);
}

void together(Volume in, const Shape3& from, float* out, const Shape3& to, const ResamplingRule& rule, int threads) {
  if (rule.method == Resampler::torch) return linear<TorchAxis>(in, from, out, to, threads);
  if (rule.order == 0) return nearest(in, from, out, to, threads);
  if (rule.order == 1) return linear<LinearAxis>(in, from, out, to, threads);
  resample_image(in, from, std::span(out, at(volume(to))), to, false, threads);
}

// Between slices of `area` values.
void across_linearly(const float* in, const LinearAxis& z, Index area, float* out, int threads) {
  parallel_for(z.size(), threads, [&](Index i) {
    const float *below = in + z.low[at(i)] * area, *above = in + z.high[at(i)] * area;
    planes::mix(below, above, z.low_weight[at(i)], z.high_weight[at(i)], area, out + i * area);
  });
}

// Each slice in-plane, then along the first axis.
void apart(Volume in, const Shape3& from, float* out, const Shape3& to, const ResamplingRule& rule, int threads) {
  const Index area = from[1] * from[2], area_out = to[1] * to[2];
  const auto slice = [&](Index z, float* made) {
    together(in.subspan(at(z * area), at(area)), {1, from[1], from[2]}, made, {1, to[1], to[2]}, rule, 1);
  };
  const bool torch = rule.method == Resampler::torch;
  if (torch || rule.order_across == 0 || from[0] == to[0]) {
    const SliceGroups groups(torch ? torch_nearest_samples(from[0], to[0]) : nearest_samples(from[0], to[0]));
    return groups.run(out, area_out, threads, slice);
  }
  std::vector<float> slices(at(from[0] * area_out));
  parallel_for(from[0], threads, [&](Index z) { slice(z, slices.data() + z * area_out); });
  if (rule.order_across == 1) return across_linearly(slices.data(), {from[0], to[0]}, area_out, out, threads);
  spline::resample_first_axis(slices.data(), from[0], out, to[0], area_out, threads);
}

std::array<int, 3> first_axis_order(int axis) {
  if (axis == 1) return {1, 0, 2};
  return {2, 0, 1};
}

}  // namespace

void resample_volume(std::span<const float> image, const Shape3& from, std::span<float> out, const Shape3& to,
                     const ResamplingRule& rule, std::optional<int> across, int threads) {
  if (from == to) {
    std::copy(image.begin(), image.end(), out.begin());
    return;
  }
  if (!across) return together(image, from, out.data(), to, rule, threads);
  if (*across == 0) return apart(image, from, out.data(), to, rule, threads);
  const std::array<int, 3> order = first_axis_order(*across);
  const Shape3 turned_from = in_order(from, order), turned_to = in_order(to, order);
  std::vector<float> turned(image.size()), made(out.size());
  transpose_volume<float>(image, from, order, turned, threads);
  apart(turned, turned_from, made.data(), turned_to, rule, threads);
  transpose_volume<float>(made, turned_to, inverse_order(order), out, threads);
}

}  // namespace nnunet
