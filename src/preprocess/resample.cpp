#include "nnunet/preprocess/resample.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/preprocess/normalize.h"

namespace nnunet {

namespace {

using Index = std::int64_t;

// Lines worked on side by side: the inner loops run over them, which compilers turn into vector instructions.
constexpr Index lanes = 16;
// scipy.ndimage replicates so many edge samples before the prefilter in mode "nearest".
constexpr Index spline_pad = 12;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Centre of output sample i on the input's grid; the order of operations is scipy's (grid_mode=True).
double source_position(Index i, double zoom) {
  return (static_cast<double>(i) + 0.5) * zoom - 0.5;
}

// in/out of one axis
double zoom_of(Index from, Index to) {
  return static_cast<double>(from) / static_cast<double>(to);
}

// ---- cubic B-spline ----

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
};

// Turns samples into B-spline coefficients (Unser, Aldroubi and Eden, "B-spline signal processing", IEEE Trans. Signal
// Processing 41, 1993), with half-sample symmetric ends: line is (count, lanes).
void spline_prefilter(double* line, Index count) {
  const double pole = std::sqrt(3.0) - 2.0;
  constexpr Index horizon = 40;  // pole^40 is below double precision
  constexpr double gain = 6.0;
  std::array<double, lanes> start{};
  double power = pole;
  for (Index i = 0; i < std::min(count, horizon); ++i, power *= pole)
    for (Index l = 0; l < lanes; ++l) start[at(l)] += power * line[i * lanes + l];
  for (Index l = 0; l < lanes; ++l) line[l] = gain * (line[l] + start[at(l)]);
  for (Index i = 1; i < count; ++i) {
    double* here = line + i * lanes;
    const double* before = here - lanes;
    for (Index l = 0; l < lanes; ++l) here[l] = gain * here[l] + pole * before[l];
  }
  double* last = line + (count - 1) * lanes;
  for (Index l = 0; l < lanes; ++l) last[l] *= pole / (pole - 1.0);
  for (Index i = count - 2; i >= 0; --i) {
    double* here = line + i * lanes;
    const double* after = here + lanes;
    for (Index l = 0; l < lanes; ++l) here[l] = pole * (after[l] - here[l]);
  }
}

// Fills the padding of a (from + 24, lanes) line from its first and last sample.
void replicate_ends(double* line, Index from) {
  for (Index i = 0; i < spline_pad; ++i) {
    std::copy_n(line + spline_pad * lanes, lanes, line + i * lanes);
    std::copy_n(line + (spline_pad + from - 1) * lanes, lanes, line + (spline_pad + from + i) * lanes);
  }
}

// Output sample i of all lanes.
void evaluate(const double* line, const CubicAxis& axis, Index i, double* out) {
  const double* a = line + axis.first[at(i)] * lanes;
  const auto [w0, w1, w2, w3] = axis.weight[at(i)];
  for (Index l = 0; l < lanes; ++l)
    out[l] = w0 * a[l] + w1 * a[lanes + l] + w2 * a[2 * lanes + l] + w3 * a[3 * lanes + l];
}

// A volume seen from one axis: (outer, length, inner), inner contiguous.
struct AxisView {
  Index outer = 1, inner = 1;
};

// One axis that is not the last: lanes are neighbours in the inner dimension.
void cubic_strided(const float* in, float* out, const CubicAxis& axis, Index inner, Index column, double* line) {
  const Index width = std::min(lanes, inner - column);
  double* samples = line + spline_pad * lanes;
  for (Index i = 0; i < axis.from; ++i)
    for (Index l = 0; l < width; ++l) samples[i * lanes + l] = static_cast<double>(in[i * inner + column + l]);
  replicate_ends(line, axis.from);
  spline_prefilter(line, axis.from + 2 * spline_pad);
  std::array<double, lanes> value;
  for (Index i = 0; i < axis.to; ++i) {
    evaluate(line, axis, i, value.data());
    for (Index l = 0; l < width; ++l) out[i * inner + column + l] = static_cast<float>(value[at(l)]);
  }
}

// The last axis: lanes are neighbouring rows.
void cubic_rows(const float* in, float* out, const CubicAxis& axis, Index rows, double* line) {
  double* samples = line + spline_pad * lanes;
  for (Index l = 0; l < rows; ++l)
    for (Index i = 0; i < axis.from; ++i) samples[i * lanes + l] = static_cast<double>(in[l * axis.from + i]);
  replicate_ends(line, axis.from);
  spline_prefilter(line, axis.from + 2 * spline_pad);
  std::array<double, lanes> value;
  for (Index i = 0; i < axis.to; ++i) {
    evaluate(line, axis, i, value.data());
    for (Index l = 0; l < rows; ++l) out[l * axis.to + i] = static_cast<float>(value[at(l)]);
  }
}

// Resamples one axis of (outer, from, inner) to (outer, to, inner).
void cubic_axis(const float* in, float* out, const AxisView& view, Index from, Index to, int threads) {
  const CubicAxis axis(from, to);
  const std::size_t line_length = at((from + 2 * spline_pad) * lanes);
  if (view.inner == 1) {
    const Index blocks = (view.outer + lanes - 1) / lanes;
    const Index chunk = std::max<Index>(1, blocks / 64);
    parallel_for((blocks + chunk - 1) / chunk, threads, [&](Index c) {
      std::vector<double> line(line_length, 0.0);
      for (Index b = c * chunk; b < std::min(blocks, (c + 1) * chunk); ++b)
        cubic_rows(in + b * lanes * from, out + b * lanes * to, axis, std::min(lanes, view.outer - b * lanes),
                   line.data());
    });
    return;
  }
  const Index blocks = (view.inner + lanes - 1) / lanes, all = view.outer * blocks;
  const Index chunk = std::max<Index>(1, all / 64);
  parallel_for((all + chunk - 1) / chunk, threads, [&](Index c) {
    std::vector<double> line(line_length, 0.0);
    for (Index b = c * chunk; b < std::min(all, (c + 1) * chunk); ++b)
      cubic_strided(in + b / blocks * from * view.inner, out + b / blocks * to * view.inner, axis, view.inner,
                    b % blocks * lanes, line.data());
  });
}

// All axes of a volume, the one that shrinks most first (less work for the next); axes that keep their size are left
// alone, because the spline goes through its samples. The result is clipped to the input's range.
void cubic_volume(std::span<const float> image, const Shape3& from, float* out, const Shape3& to, int threads) {
  std::vector<std::size_t> order;
  for (std::size_t a = 0; a < 3; ++a)
    if (from[a] != to[a]) order.push_back(a);
  if (order.empty()) {
    std::copy(image.begin(), image.end(), out);
    return;
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return zoom_of(to[a], from[a]) < zoom_of(to[b], from[b]); });
  Shape3 shape = from;
  std::vector<float> former;
  for (const std::size_t a : order) {
    AxisView view;
    for (std::size_t b = 0; b < a; ++b) view.outer *= shape[b];
    for (std::size_t b = a + 1; b < 3; ++b) view.inner *= shape[b];
    shape[a] = to[a];
    const float* source = former.empty() ? image.data() : former.data();
    if (a == order.back()) {
      cubic_axis(source, out, view, from[a], to[a], threads);
    } else {
      std::vector<float> next(at(volume(shape)));
      cubic_axis(source, next.data(), view, from[a], to[a], threads);
      former = std::move(next);
    }
  }
  const auto [least, most] = value_range(image);
  const Index n = volume(to);
  for (Index i = 0; i < n; ++i) out[i] = std::min(std::max(out[i], least), most);
}

// ---- linear and nearest ----

// Two neighbours and weights for each output sample; beyond the ends both neighbours are the edge sample.
struct LinearAxis {
  std::vector<Index> low, high;
  std::vector<double> low_weight, high_weight;

  LinearAxis(Index from, Index to) : low(at(to)), high(at(to)), low_weight(at(to)), high_weight(at(to)) {
    const double zoom = zoom_of(from, to);
    for (Index i = 0; i < to; ++i) {
      const double position = source_position(i, zoom);
      const double whole = std::floor(position);
      low[at(i)] = std::clamp<Index>(static_cast<Index>(whole), 0, from - 1);
      high[at(i)] = std::clamp<Index>(static_cast<Index>(whole) + 1, 0, from - 1);
      low_weight[at(i)] = 1.0 - (position - whole);
      high_weight[at(i)] = 1.0 - low_weight[at(i)];
    }
  }
};

std::vector<Index> nearest_samples(Index from, Index to) {
  std::vector<Index> sample(at(to));
  const double zoom = zoom_of(from, to);
  for (Index i = 0; i < to; ++i)
    sample[at(i)] = std::clamp<Index>(static_cast<Index>(std::floor(source_position(i, zoom) + 0.5)), 0, from - 1);
  return sample;
}

// Output slices that show the same input slice: one is computed, the others copy it.
struct SliceGroups {
  std::vector<Index> source, first, count;  // input slice, first output slice, how many

  SliceGroups(Index from, Index to) {
    const std::vector<Index> sample = nearest_samples(from, to);
    for (Index z = 0; z < to; ++z) {
      if (source.empty() || source.back() != sample[at(z)]) {
        source.push_back(sample[at(z)]);
        first.push_back(z);
        count.push_back(0);
      }
      ++count.back();
    }
  }

  // slice(input slice, output slice) makes one output slice of `area` values.
  template <class T, class Slice>
  void run(T* out, Index area, int threads, const Slice& slice) const {
    parallel_for(static_cast<Index>(source.size()), threads, [&](Index g) {
      T* made = out + first[at(g)] * area;
      slice(source[at(g)], made);
      for (Index k = 1; k < count[at(g)]; ++k) std::copy_n(made, area, made + k * area);
    });
  }
};

// The highest class whose weights among the eight corners add up to 0.5. Products and sums are taken in scipy's order,
// because sums of exactly one half are common.
std::uint8_t vote(const std::array<std::uint8_t, 8>& corner, const std::array<double, 8>& weight) {
  int best = 0;
  for (const std::uint8_t candidate : corner) {
    if (candidate <= best) continue;
    double sum = 0;
    for (std::size_t k = 0; k < 8; ++k)
      if (corner[k] == candidate) sum += weight[k];
    if (sum >= 0.5) best = candidate;
  }
  return static_cast<std::uint8_t>(best);
}

// One output slice between two input slices (the same one twice for in-plane resampling: weights 1 and 0).
void label_slice(const std::uint8_t* below, const std::uint8_t* above, double wz0, double wz1, const LinearAxis& ay,
                 const LinearAxis& ax, Index width, std::uint8_t* out) {
  const auto height_out = static_cast<Index>(ay.low.size()), width_out = static_cast<Index>(ax.low.size());
  for (Index y = 0; y < height_out; ++y) {
    const std::array<const std::uint8_t*, 4> row{below + ay.low[at(y)] * width, below + ay.high[at(y)] * width,
                                                 above + ay.low[at(y)] * width, above + ay.high[at(y)] * width};
    const std::array<double, 4> wzy{wz0 * ay.low_weight[at(y)], wz0 * ay.high_weight[at(y)], wz1 * ay.low_weight[at(y)],
                                    wz1 * ay.high_weight[at(y)]};
    for (Index x = 0; x < width_out; ++x) {
      const Index x0 = ax.low[at(x)], x1 = ax.high[at(x)];
      std::array<std::uint8_t, 8> corner;
      unsigned differ = 0;
      for (std::size_t r = 0; r < 4; ++r) {
        corner[2 * r] = row[r][x0];
        corner[2 * r + 1] = row[r][x1];
        differ |=
            static_cast<unsigned>(corner[2 * r] ^ corner[0]) | static_cast<unsigned>(corner[2 * r + 1] ^ corner[0]);
      }
      if (differ == 0) {
        out[y * width_out + x] = corner[0];
        continue;
      }
      std::array<double, 8> weight;
      for (std::size_t r = 0; r < 4; ++r) {
        weight[2 * r] = wzy[r] * ax.low_weight[at(x)];
        weight[2 * r + 1] = wzy[r] * ax.high_weight[at(x)];
      }
      out[y * width_out + x] = vote(corner, weight);
    }
  }
}

// One output slice of linear resampling between two input slices.
void linear_slice(const float* below, const float* above, double wz0, double wz1, const LinearAxis& ay,
                  const LinearAxis& ax, Index width, float* out) {
  const auto height_out = static_cast<Index>(ay.low.size()), width_out = static_cast<Index>(ax.low.size());
  std::vector<float> mixed(at(width));
  for (Index y = 0; y < height_out; ++y) {
    const float* a = below + ay.low[at(y)] * width;
    const float* b = below + ay.high[at(y)] * width;
    const float* c = above + ay.low[at(y)] * width;
    const float* d = above + ay.high[at(y)] * width;
    const auto wa = static_cast<float>(wz0 * ay.low_weight[at(y)]),
               wb = static_cast<float>(wz0 * ay.high_weight[at(y)]);
    const auto wc = static_cast<float>(wz1 * ay.low_weight[at(y)]),
               wd = static_cast<float>(wz1 * ay.high_weight[at(y)]);
    float* m = mixed.data();
    for (Index x = 0; x < width; ++x) m[x] = wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
    float* o = out + y * width_out;
    for (Index x = 0; x < width_out; ++x)
      o[x] = static_cast<float>(ax.low_weight[at(x)]) * m[ax.low[at(x)]] +
             static_cast<float>(ax.high_weight[at(x)]) * m[ax.high[at(x)]];
  }
}

}  // namespace

Shape3 resampled_shape(const Shape3& shape, const Spacing3& spacing, const Spacing3& target) {
  Shape3 result{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double size = spacing[a] / target[a] * static_cast<double>(shape[a]);
    if (!(size >= 0 && size <= 1e6))
      throw Error("resampling",
                  fmt::format("{} voxels of {} mm would become {:.3g} of {} mm", shape[a], spacing[a], size, target[a]),
                  "check the image's spacing and --spacing");
    result[a] = static_cast<Index>(size);
  }
  return result;
}

Array<float> resample_image(std::span<const float> image, const Shape3& from, const Shape3& to, bool anisotropic,
                            int threads) {
  Array<float> result({to[0], to[1], to[2]});
  if (!anisotropic) {
    cubic_volume(image, from, result.data(), to, threads);
    return result;
  }
  const std::size_t area = at(from[1] * from[2]);
  SliceGroups(from[0], to[0]).run(result.data(), to[1] * to[2], threads, [&](Index z, float* out) {
    cubic_volume(image.subspan(at(z) * area, area), {1, from[1], from[2]}, out, {1, to[1], to[2]}, 1);
  });
  return result;
}

Array<std::uint8_t> resample_label(std::span<const std::uint8_t> label, const Shape3& from, const Shape3& to,
                                   bool anisotropic, int threads) {
  Array<std::uint8_t> result({to[0], to[1], to[2]});
  const LinearAxis ay(from[1], to[1]), ax(from[2], to[2]);
  const Index area = from[1] * from[2], area_out = to[1] * to[2];
  if (anisotropic) {
    SliceGroups(from[0], to[0]).run(result.data(), area_out, threads, [&](Index z, std::uint8_t* out) {
      const std::uint8_t* slice = label.data() + z * area;
      label_slice(slice, slice, 1.0, 0.0, ay, ax, from[2], out);
    });
    return result;
  }
  const LinearAxis az(from[0], to[0]);
  parallel_for(to[0], threads, [&](Index z) {
    label_slice(label.data() + az.low[at(z)] * area, label.data() + az.high[at(z)] * area, az.low_weight[at(z)],
                az.high_weight[at(z)], ay, ax, from[2], result.data() + z * area_out);
  });
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
