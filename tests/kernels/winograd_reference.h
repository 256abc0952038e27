#pragma once
#include <array>
#include <vector>

#include "kernels/numbers.h"
#include "nnunet/kernels/winograd.h"

/// Convolutions of stride 1 in double precision, by their definition, over (N,C,D,H,W).
namespace nnunet::test {

using kernels::Blocked;

/// A blocked tensor and its values in double precision, (N,C,D,H,W).
template <class T>
struct Tensor {
  Numbers<T> memory;
  Blocked<T> view;

  Tensor() = default;
  /// Random values, rounded to T; zeros beyond the channels.
  Tensor(std::int64_t n, std::int64_t channels, const std::array<std::int64_t, 3>& size, std::uint32_t seed,
         float mean = 0, float deviation = 1) {
    view = {nullptr, n, channels, size[0], size[1], size[2]};
    memory.resize(static_cast<std::size_t>(view.size()));
    view.data = memory.data();
    const Numbers<float> plain = random_numbers<float>(n * channels * view.voxels(), seed, mean, deviation);
    kernels::pack(plain.data(), kernels::Layout::channels_first, view);
  }
  std::vector<double> values() const {
    Numbers<float> plain(static_cast<std::size_t>(view.n * view.channels * view.voxels()));
    kernels::unpack<T>(Blocked<const T>(view), plain.data(), kernels::Layout::channels_first);
    return {plain.begin(), plain.end()};
  }
};

struct Grid {
  std::int64_t n, d, h, w;
  std::int64_t voxels() const { return d * h * w; }
};

/// Calls body(index of x, index of y, index of w) for every product of y = w * x.
template <class Body>
void for_each_product(const Grid& g, std::int64_t inputs, std::int64_t outputs, int kernel_d, const Body& body) {
  const std::int64_t taps = kernel_d * 9;
  for (std::int64_t n = 0; n < g.n; ++n)
    for (std::int64_t v = 0; v < g.voxels(); ++v)
      for (std::int64_t t = 0; t < taps; ++t) {
        const std::int64_t z = v / (g.h * g.w) + t / 9 - kernel_d / 2, y = v / g.w % g.h + t / 3 % 3 - 1,
                           x = v % g.w + t % 3 - 1;
        if (z < 0 || z >= g.d || y < 0 || y >= g.h || x < 0 || x >= g.w) continue;
        const std::int64_t from = (z * g.h + y) * g.w + x;
        for (std::int64_t o = 0; o < outputs; ++o)
          for (std::int64_t i = 0; i < inputs; ++i)
            body(static_cast<std::size_t>((n * inputs + i) * g.voxels() + from),
                 static_cast<std::size_t>((n * outputs + o) * g.voxels() + v),
                 static_cast<std::size_t>((o * inputs + i) * taps + t));
      }
}

/// (N, A, voxels) and (N, B, voxels) to (N, A + B, voxels)
inline std::vector<double> concatenated(const std::vector<double>& a, const std::vector<double>& b, std::int64_t n) {
  std::vector<double> all;
  const auto rows = [n](const std::vector<double>& x) { return static_cast<std::ptrdiff_t>(x.size()) / n; };
  for (std::int64_t s = 0; s < n; ++s) {
    all.insert(all.end(), a.begin() + s * rows(a), a.begin() + (s + 1) * rows(a));
    all.insert(all.end(), b.begin() + s * rows(b), b.begin() + (s + 1) * rows(b));
  }
  return all;
}

/// Largest difference, as a share of the expected values' largest.
inline double share_off(const std::vector<double>& values, const std::vector<double>& expected) {
  double scale = 1e-300, most = 0;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = std::abs(values.at(i) - expected[i]);
    if (!(d <= most)) most = std::isnan(d) ? INFINITY : d;
  }
  return values.size() == expected.size() ? most / scale : INFINITY;
}

}  // namespace nnunet::test
