#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "grid.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/resample.h"
#include "spline.h"

namespace nnunet {

namespace {

using namespace grid;

// Lines worked on side by side: the inner loops run over them, which compilers turn into vector instructions. Two
// vectors of the widest unit each step, so that one computes while the other waits for the recursion's last step.
constexpr Index lanes = 32;
// One sample of each line, aligned to the cache line that a vector load would else straddle.
struct alignas(64) Samples {
  double value[lanes];
};
// scipy.ndimage replicates so many edge samples before the prefilter in mode "nearest".
constexpr Index spline_pad = 12;

struct Range {
  float least = -std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::infinity();
};

// Four neighbours and weights for each output sample of an axis; first counts in the padded line.
struct CubicAxis {
  Index from = 0, to = 0;
  std::vector<Index> first;
  std::vector<std::array<double, 4>> weight;

  CubicAxis(Index from_, Index to_) : from(from_), to(to_), first(at(to_)), weight(at(to_)) {
    const double zoom = zoom_of(from, to);
    for (Index i = 0; i < to; ++i) {
      const double position = source_position(i, zoom) + static_cast<double>(spline_pad);
      const double whole = std::floor(position);
      const double y = position - whole, z = 1.0 - y;
      auto& w = weight[at(i)];
      w[0] = z * z * z / 6.0;
      w[1] = (y * y * (y - 2.0) * 3.0 + 4.0) / 6.0;
      w[2] = (z * z * (z - 2.0) * 3.0 + 4.0) / 6.0;
      w[3] = 1.0 - w[0] - w[1] - w[2];
      first[at(i)] = static_cast<Index>(whole) - 1;
    }
  }
  Index padded() const { return from + 2 * spline_pad; }
};

// Turns samples into B-spline coefficients (Unser, Aldroubi and Eden, "B-spline signal processing", IEEE Trans. Signal
// Processing 41, 1993), with half-sample symmetric ends.
inline void spline_prefilter(Samples* line, Index count) {
  constexpr double pole = -0.267949192431122706;  // sqrt(3) - 2
  constexpr Index horizon = 40;                   // pole^40 is below double precision
  constexpr double gain = 6.0;
  Samples last{};
  double power = pole;
  for (Index i = 0; i < std::min(count, horizon); ++i, power *= pole)
    for (Index l = 0; l < lanes; ++l) last.value[l] += power * line[i].value[l];
  for (Index l = 0; l < lanes; ++l) last.value[l] = line[0].value[l] = gain * (line[0].value[l] + last.value[l]);
  for (Index i = 1; i < count; ++i)
    for (Index l = 0; l < lanes; ++l) last.value[l] = line[i].value[l] = gain * line[i].value[l] + pole * last.value[l];
  for (Index l = 0; l < lanes; ++l) last.value[l] = line[count - 1].value[l] *= pole / (pole - 1.0);
  for (Index i = count - 2; i >= 0; --i)
    for (Index l = 0; l < lanes; ++l) last.value[l] = line[i].value[l] = pole * (last.value[l] - line[i].value[l]);
}

// Fills the padding of a line from its first and last sample.
inline void replicate_ends(Samples* line, Index from) {
  for (Index i = 0; i < spline_pad; ++i) {
    line[i] = line[spline_pad];
    line[spline_pad + from + i] = line[spline_pad + from - 1];
  }
}

// Output sample i of all lanes, within a range.
inline void evaluate(const Samples* line, const CubicAxis& axis, Index i, const Range& range, float* out) {
  const Samples* a = line + axis.first[at(i)];
  const auto [w0, w1, w2, w3] = axis.weight[at(i)];
  for (Index l = 0; l < lanes; ++l) {
    const double sum = w0 * a[0].value[l] + w1 * a[1].value[l] + w2 * a[2].value[l] + w3 * a[3].value[l];
    out[l] = std::min(std::max(static_cast<float>(sum), range.least), range.most);
  }
}

// One axis that is not the last: lanes are neighbours in the inner dimension, `inner` apart from sample to sample.
constexpr Vectorized cubic_columns = [](const float* in, float* out, const CubicAxis& axis, Index inner, Index width,
                                        const Range& range, Samples* line) NNUNET_INLINED {
  Samples* samples = line + spline_pad;
  if (width == lanes) {
    for (Index i = 0; i < axis.from; ++i)
      for (Index l = 0; l < lanes; ++l) samples[i].value[l] = static_cast<double>(in[i * inner + l]);
  } else {
    for (Index i = 0; i < axis.from; ++i)
      for (Index l = 0; l < width; ++l) samples[i].value[l] = static_cast<double>(in[i * inner + l]);
  }
  replicate_ends(line, axis.from);
  spline_prefilter(line, axis.padded());
  if (width == lanes) {
    for (Index i = 0; i < axis.to; ++i) evaluate(line, axis, i, range, out + i * inner);
    return;
  }
  float value[lanes];
  for (Index i = 0; i < axis.to; ++i) {
    evaluate(line, axis, i, range, value);
    for (Index l = 0; l < width; ++l) out[i * inner + l] = value[l];
  }
};

// The last axis: lanes are neighbouring rows, turned a tile at a time that stays in the first-level cache.
constexpr Vectorized cubic_rows = [](const float* in, float* out, const CubicAxis& axis, Index rows, const Range& range,
                                     Samples* line) NNUNET_INLINED {
  constexpr Index tile = 16;
  Samples* samples = line + spline_pad;
  for (Index first = 0; first < axis.from; first += tile) {
    const Index end = std::min(axis.from, first + tile);
    for (Index l = 0; l < rows; ++l)
      for (Index i = first; i < end; ++i) samples[i].value[l] = static_cast<double>(in[l * axis.from + i]);
  }
  replicate_ends(line, axis.from);
  spline_prefilter(line, axis.padded());
  float value[tile][lanes];
  for (Index first = 0; first < axis.to; first += tile) {
    const Index count = std::min(tile, axis.to - first);
    for (Index i = 0; i < count; ++i) evaluate(line, axis, first + i, range, value[i]);
    for (Index l = 0; l < rows; ++l)
      for (Index i = 0; i < count; ++i) out[l * axis.to + first + i] = value[i][l];
  }
};

// A volume seen from one axis: (outer, length, inner), inner contiguous.
struct AxisView {
  Index outer = 1, inner = 1;
};

// Resamples one axis of (outer, from, inner) to (outer, to, inner).
void cubic_axis(const float* in, float* out, const AxisView& view, Index from, Index to, const Range& range,
                int threads) {
  const CubicAxis axis(from, to);
  const bool rows = view.inner == 1;
  // Blocks of `lanes` lines: rows of the last axis, else columns within one entry of the outer dimension.
  const Index length = rows ? view.outer : view.inner;
  const Index blocks = (length + lanes - 1) / lanes, all = rows ? blocks : view.outer * blocks;
  const Index chunk = std::max<Index>(1, all / 64);
  parallel_for((all + chunk - 1) / chunk, threads, [&](Index c) {
    const auto line = std::make_unique<Samples[]>(at(axis.padded()));
    for (Index b = c * chunk; b < std::min(all, (c + 1) * chunk); ++b) {
      const Index first = b % blocks * lanes, width = std::min(lanes, length - first);
      if (rows) {
        cubic_rows(in + first * from, out + first * to, axis, width, range, line.get());
      } else {
        const Index outer = b / blocks * view.inner;
        cubic_columns(in + outer * from + first, out + outer * to + first, axis, view.inner, width, range, line.get());
      }
    }
  });
}

// The axes that change, the one that shrinks most first (less work for the next). Axes that keep their size are left
// alone, because the spline goes through its samples.
std::vector<std::size_t> changed_axes(const Shape3& from, const Shape3& to) {
  std::vector<std::size_t> order;
  for (std::size_t a = 0; a < 3; ++a)
    if (from[a] != to[a]) order.push_back(a);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return zoom_of(to[a], from[a]) < zoom_of(to[b], from[b]); });
  return order;
}

// All axes of a volume. The result is clipped to the input's range.
void cubic_volume(std::span<const float> image, const Shape3& from, float* out, const Shape3& to, int threads) {
  const std::vector<std::size_t> order = changed_axes(from, to);
  if (order.empty()) {
    std::copy(image.begin(), image.end(), out);
    return;
  }
  Shape3 shape = from;
  std::unique_ptr<float[]> former;
  for (const std::size_t a : order) {
    AxisView view;
    for (std::size_t b = 0; b < a; ++b) view.outer *= shape[b];
    for (std::size_t b = a + 1; b < 3; ++b) view.inner *= shape[b];
    shape[a] = to[a];
    const float* source = former ? former.get() : image.data();
    if (a == order.back()) {
      const auto [least, most] = value_range(image, threads);
      cubic_axis(source, out, view, from[a], to[a], {least, most}, threads);
    } else {
      auto next = std::make_unique_for_overwrite<float[]>(at(volume(shape)));
      cubic_axis(source, next.get(), view, from[a], to[a], {}, threads);
      former = std::move(next);
    }
  }
}

}  // namespace

void resample_image(std::span<const float> image, const Shape3& from, std::span<float> out, const Shape3& to,
                    bool anisotropic, int threads) {
  if (!anisotropic) {
    cubic_volume(image, from, out.data(), to, threads);
    return;
  }
  const std::size_t area = at(from[1] * from[2]);
  SliceGroups(from[0], to[0]).run(out.data(), to[1] * to[2], threads, [&](Index z, float* made) {
    cubic_volume(image.subspan(at(z) * area, area), {1, from[1], from[2]}, made, {1, to[1], to[2]}, 1);
  });
}

void spline::resample_first_axis(const float* in, Index from, float* out, Index to, Index area, int threads) {
  cubic_axis(in, out, {1, area}, from, to, {}, threads);
}

std::int64_t resample_image_memory(const Shape3& from, const Shape3& to) {
  std::int64_t most = 0, former = 0;
  Shape3 shape = from;
  const std::vector<std::size_t> order = changed_axes(from, to);
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    shape[order[i]] = to[order[i]];
    const std::int64_t next = volume(shape) * static_cast<std::int64_t>(sizeof(float));
    most = std::max(most, former + next);
    former = next;
  }
  return most;
}

}  // namespace nnunet
