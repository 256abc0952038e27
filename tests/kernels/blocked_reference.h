#pragma once
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "kernels/numbers.h"
#include "nnunet/kernels/direct.h"

/// Convolutions in double precision, by their definition.
namespace nnunet::test {

using kernels::ConvShape;
using kernels::ConvSide;

inline std::int64_t volume_of(const std::array<std::int64_t, 3>& size) {
  return size[0] * size[1] * size[2];
}

/// Random values of a side: as T in its layout, as (N, C, voxels) doubles.
template <class T>
class Side {
 public:
  Side(const ConvSide& side, std::int64_t samples, std::uint32_t seed) : side_(side), samples_(samples) {
    if (side.plain) {
      plain_ = random_numbers<float>(samples * side.channels * voxels(), seed);
      return;
    }
    for (std::size_t part = 0; part < 2; ++part) {
      const std::int64_t channels = channels_of(part), blocks = kernels::blocks_of(channels);
      parts_[part] = random_numbers<T>(samples * blocks * voxels() * 16, seed + static_cast<std::uint32_t>(part) * 100);
      for_each(part, [&](T& value, std::int64_t, std::int64_t c, std::int64_t) {
        if (c >= channels) value = T{};
      });
    }
  }

  /// (N, C, voxels), the parts' channels one after the other
  std::vector<double> values() const {
    if (side_.plain) return {plain_.begin(), plain_.end()};
    std::vector<double> result(static_cast<std::size_t>(samples_ * side_.total() * voxels()));
    for (std::size_t part = 0; part < 2; ++part)
      const_cast<Side*>(this)->for_each(part, [&](T& value, std::int64_t n, std::int64_t c, std::int64_t v) {
        if (c < channels_of(part))
          result[static_cast<std::size_t>((n * side_.total() + (part == 0 ? 0 : side_.channels) + c) * voxels() + v)] =
              static_cast<double>(kernels::to_float(value));
      });
    return result;
  }
  bool rest_is_zero() const {
    bool zero = true;
    for (std::size_t part = 0; part < 2; ++part)
      const_cast<Side*>(this)->for_each(part, [&](T& value, std::int64_t, std::int64_t c, std::int64_t) {
        if (c >= channels_of(part)) zero = zero && kernels::to_float(value) == 0;
      });
    return zero;
  }

  kernels::Blocked<T> view(std::size_t part) {
    return {parts_[part].empty() ? nullptr : parts_[part].data(),
            samples_,
            channels_of(part),
            side_.size[0],
            side_.size[1],
            side_.size[2]};
  }
  kernels::Input<T> input() {
    kernels::Input<T> x;
    x.first.x = view(0);
    x.second.x = view(1);
    return x;
  }
  kernels::Output<T> output(std::size_t part) {
    kernels::Output<T> y;
    y.y = view(part);
    return y;
  }
  float* plain() { return plain_.data(); }
  Numbers<T>& numbers(std::size_t part) { return parts_[part]; }
  const ConvSide& side() const { return side_; }

 private:
  std::int64_t voxels() const { return volume_of(side_.size); }
  std::int64_t channels_of(std::size_t part) const { return part == 0 ? side_.channels : side_.second_channels; }

  /// body(value, sample, channel of the part, voxel)
  template <class Body>
  void for_each(std::size_t part, const Body& body) {
    const std::int64_t blocks = kernels::blocks_of(channels_of(part));
    std::size_t i = 0;
    for (std::int64_t n = 0; n < samples_; ++n)
      for (std::int64_t b = 0; b < blocks; ++b)
        for (std::int64_t v = 0; v < voxels(); ++v)
          for (std::int64_t c = 0; c < 16; ++c) body(parts_[part][i++], n, b * 16 + c, v);
  }

  ConvSide side_;
  std::int64_t samples_;
  std::array<Numbers<T>, 2> parts_;
  Numbers<float> plain_;
};

class DirectReference {
 public:
  DirectReference(const ConvShape& shape, const Numbers<float>& weights)
      : shape_(shape), weights_(weights.begin(), weights.end()) {}

  std::vector<double> to_coarse(const std::vector<double>& fine) const {
    std::vector<double> coarse(size(shape_.coarse));
    for_each([&](std::size_t f, std::size_t c, std::size_t w) { coarse[c] += fine[f] * weights_[w]; });
    return coarse;
  }
  std::vector<double> to_fine(const std::vector<double>& coarse) const {
    std::vector<double> fine(size(shape_.fine));
    for_each([&](std::size_t f, std::size_t c, std::size_t w) { fine[f] += coarse[c] * weights_[w]; });
    return fine;
  }
  std::vector<double> gradient(const std::vector<double>& fine, const std::vector<double>& coarse) const {
    std::vector<double> result(weights_.size());
    for_each([&](std::size_t f, std::size_t c, std::size_t w) { result[w] += coarse[c] * fine[f]; });
    return result;
  }

 private:
  std::size_t size(const ConvSide& side) const {
    return static_cast<std::size_t>(shape_.samples * side.total() * volume_of(side.size));
  }
  /// body(fine index, coarse index, weight index) for every product
  template <class Body>
  void for_each(const Body& body) const {
    const ConvShape& s = shape_;
    const auto inside = [](std::int64_t x, std::int64_t size) { return x >= 0 && x < size; };
    for (std::int64_t n = 0; n < s.samples; ++n)
      for (std::int64_t z = 0; z < s.coarse.size[0]; ++z)
        for (std::int64_t y = 0; y < s.coarse.size[1]; ++y)
          for (std::int64_t x = 0; x < s.coarse.size[2]; ++x)
            for (std::int64_t i = 0; i < s.kernel[0]; ++i)
              for (std::int64_t j = 0; j < s.kernel[1]; ++j)
                for (std::int64_t k = 0; k < s.kernel[2]; ++k) {
                  const std::int64_t fz = z * s.stride[0] + i - s.padding[0], fy = y * s.stride[1] + j - s.padding[1],
                                     fx = x * s.stride[2] + k - s.padding[2];
                  if (!inside(fz, s.fine.size[0]) || !inside(fy, s.fine.size[1]) || !inside(fx, s.fine.size[2]))
                    continue;
                  const std::int64_t fine = (fz * s.fine.size[1] + fy) * s.fine.size[2] + fx,
                                     coarse = (z * s.coarse.size[1] + y) * s.coarse.size[2] + x,
                                     tap = (i * s.kernel[1] + j) * s.kernel[2] + k;
                  for (std::int64_t c = 0; c < s.coarse.total(); ++c)
                    for (std::int64_t f = 0; f < s.fine.total(); ++f)
                      body(static_cast<std::size_t>((n * s.fine.total() + f) * volume_of(s.fine.size) + fine),
                           static_cast<std::size_t>((n * s.coarse.total() + c) * volume_of(s.coarse.size) + coarse),
                           static_cast<std::size_t>((c * s.fine.total() + f) * s.taps() + tap));
                }
  }

  ConvShape shape_;
  std::vector<double> weights_;
};

/// Largest difference, as a share of the expected values' largest.
inline double deviation_of(const std::vector<double>& values, const std::vector<double>& expected) {
  EXPECT_EQ(values.size(), expected.size());
  double scale = 1e-300, most = 0;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(values[i])) return INFINITY;
    most = std::max(most, std::abs(values[i] - expected[i]));
  }
  return most / scale;
}

/// Mean and variance over the voxels of each sample and channel; values (N, C, voxels).
inline void expect_moments(const std::vector<kernels::Moments>& found, const std::vector<double>& values,
                           std::int64_t samples, const ConvSide& side, double error) {
  const std::int64_t voxels = volume_of(side.size), channels = side.channels, row = kernels::blocks_of(channels) * 16;
  for (std::int64_t n = 0; n < samples; ++n)
    for (std::int64_t c = 0; c < channels; ++c) {
      const double* const x = values.data() + (n * channels + c) * voxels;
      double mean = 0, variance = 0;
      for (std::int64_t v = 0; v < voxels; ++v) mean += x[v] / static_cast<double>(voxels);
      for (std::int64_t v = 0; v < voxels; ++v) variance += (x[v] - mean) * (x[v] - mean) / static_cast<double>(voxels);
      const kernels::Moments& m = found[static_cast<std::size_t>(n * row + c)];
      const double size = std::sqrt(variance + mean * mean);
      EXPECT_NEAR(m.mean, mean, 10 * error * size + 1e-12);
      EXPECT_NEAR(m.variance, variance, 20 * error * size * size + 1e-12);
    }
}

}  // namespace nnunet::test
