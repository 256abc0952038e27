#include "nnunet/kernels/norm_act.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lanes.h"
#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"

// Two passes over the data forward (statistics; result) and two backward (sums; gradient), each a contiguous walk. Work
// is cut into pieces of a fixed size, whose partial sums are added in order: the digits do not depend on the threads.
namespace nnunet::kernels {
namespace {

/// LeakyReLU's derivative times g.
NNUNET_INLINE float through(float z, float g, float slope) {
  return z < 0 ? g * slope : g;
}

// The loops: count voxels of x(v,c) = x[v * channels + c], a lane a channel.

/// sum and sum of squares of x - shift over count voxels, for each channel.
constexpr Vectorized moments_of = []<class T>(const T* x, std::int64_t count, std::int64_t channels, const float* shift,
                                              float* sum, float* square) NNUNET_INLINED {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    Lanes k, s0{}, s1{}, q0{}, q1{}, a, b;
    load(shift + c, k);
    std::int64_t v = 0;
    for (; v + 2 <= count; v += 2) {
      load(x + v * channels + c, a);
      load(x + (v + 1) * channels + c, b);
      a -= k;
      b -= k;
      s0 += a;
      s1 += b;
      q0 += a * a;
      q1 += b * b;
    }
    if (v < count) {
      load(x + v * channels + c, a);
      a -= k;
      s0 += a;
      q0 += a * a;
    }
    store(s0 + s1, sum + c);
    store(q0 + q1, square + c);
  }
  for (; c < channels; ++c) {
    float s = 0, q = 0;
    for (std::int64_t v = 0; v < count; ++v) {
      const float d = to_float(x[v * channels + c]) - shift[c];
      s += d;
      q += d * d;
    }
    sum[c] = s;
    square[c] = q;
  }
};

/// y = lrelu(x * scale + offset), for each channel its own scale and offset.
constexpr Vectorized apply_to = []<class T>(const T* x, T* y, std::int64_t count, std::int64_t channels,
                                            const float* scale, const float* offset, float slope) NNUNET_INLINED {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    Lanes a, b, z;
    load(scale + c, a);
    load(offset + c, b);
    for (std::int64_t v = 0; v < count; ++v) {
      load(x + v * channels + c, z);
      z = z * a + b;
      z = z < 0 ? z * slope : z;
      store(z, y + v * channels + c);
    }
  }
  for (; c < channels; ++c) {
    for (std::int64_t v = 0; v < count; ++v) {
      const float z = to_float(x[v * channels + c]) * scale[c] + offset[c];
      from_float(through(z, z, slope), y[v * channels + c]);
    }
  }
};

/// What the backward needs of one sample's channels: z = x * scale + offset; xhat = (x - mean) * rstd.
struct Affine {
  const float *scale, *offset, *rstd, *mean;
};

/// sum of g and of g * xhat, g = the gradient before LeakyReLU.
constexpr Vectorized gradient_sums_of = []<class T>(const T* x, const T* dy, std::int64_t count, std::int64_t channels,
                                                    const Affine& f, float slope, float* sum,
                                                    float* product) NNUNET_INLINED {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    Lanes a, b, r, m, s{}, q{}, value, g;
    load(f.scale + c, a);
    load(f.offset + c, b);
    load(f.rstd + c, r);
    load(f.mean + c, m);
    for (std::int64_t v = 0; v < count; ++v) {
      load(x + v * channels + c, value);
      load(dy + v * channels + c, g);
      const Lanes z = value * a + b;
      g = z < 0 ? g * slope : g;
      s += g;
      q += g * ((value - m) * r);
    }
    store(s, sum + c);
    store(q, product + c);
  }
  for (; c < channels; ++c) {
    float s = 0, q = 0;
    for (std::int64_t v = 0; v < count; ++v) {
      const float value = to_float(x[v * channels + c]);
      const float g = through(value * f.scale[c] + f.offset[c], to_float(dy[v * channels + c]), slope);
      s += g;
      q += g * ((value - f.mean[c]) * f.rstd[c]);
    }
    sum[c] = s;
    product[c] = q;
  }
};

/// dx = scale * (g - level - xhat * slant).
constexpr Vectorized gradient_of = []<class T>(const T* x, const T* dy, T* dx, std::int64_t count,
                                               std::int64_t channels, const Affine& f, const float* slant,
                                               const float* level, float slope) NNUNET_INLINED {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    Lanes a, b, r, m, p, l, value, g;
    load(f.scale + c, a);
    load(f.offset + c, b);
    load(f.rstd + c, r);
    load(f.mean + c, m);
    load(slant + c, p);
    load(level + c, l);
    for (std::int64_t v = 0; v < count; ++v) {
      load(x + v * channels + c, value);
      load(dy + v * channels + c, g);
      const Lanes z = value * a + b;
      g = z < 0 ? g * slope : g;
      store(a * (g - l - (value - m) * r * p), dx + v * channels + c);
    }
  }
  for (; c < channels; ++c) {
    for (std::int64_t v = 0; v < count; ++v) {
      const float value = to_float(x[v * channels + c]);
      const float g = through(value * f.scale[c] + f.offset[c], to_float(dy[v * channels + c]), slope);
      const float xhat = (value - f.mean[c]) * f.rstd[c];
      from_float(f.scale[c] * (g - level[c] - xhat * slant[c]), dx[v * channels + c]);
    }
  }
};

/// A run of voxels that share a row of numbers: all channels of a sample (channels last), or one channel of a sample,
/// whose voxels are then taken sixteen at a time as if they were channels (channels first).
struct Piece {
  std::int64_t row, start, count, width;  ///< count x width elements from element `start`
};

/// Cuts the tensor into pieces and lays out the numbers that belong to each row.
class Walk {
 public:
  explicit Walk(const NormShape& s)
      : shape_(s),
        by_plane_(s.layout == Layout::channels_first),
        width_(by_plane_ ? kLanes : s.channels),
        statistics_(s.samples * s.channels) {
    const std::int64_t rows = by_plane_ ? statistics_ : s.samples, row_size = s.voxels * (by_plane_ ? 1 : s.channels);
    const std::int64_t whole = by_plane_ ? s.voxels / kLanes : s.voxels;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t v = 0; v < whole; v += kVoxels)
        pieces_.push_back({row, row * row_size + v * width_, std::min(kVoxels, whole - v), width_});
      const std::int64_t rest = row_size - whole * width_;
      if (rest > 0) pieces_.push_back({row, row * row_size + whole * width_, rest, 1});
    }
  }

  template <class Body>
  void for_each(const Body& body) const {
    const std::int64_t count = size();
#pragma omp parallel for schedule(static) if (count > 4)
    for (std::int64_t i = 0; i < count; ++i) body(i, pieces_[static_cast<std::size_t>(i)]);
  }

  /// number(i, c): of statistic i (N,C), channel c.
  template <class Number>
  std::vector<float> rows(const Number& number) const {
    std::vector<float> numbers;
    for (std::int64_t i = 0; i < statistics_; ++i)
      numbers.insert(numbers.end(), by_plane_ ? kLanes : 1, number(static_cast<std::size_t>(i), i % shape_.channels));
    return numbers;
  }
  const float* row(const std::vector<float>& numbers, const Piece& piece) const {
    return numbers.data() + piece.row * width_;
  }

  /// Room for a sum a piece and channel, and its place.
  std::vector<float> sums() const {
    return std::vector<float>(static_cast<std::size_t>(size() * width_));
  }
  float* sum(std::vector<float>& sums, std::int64_t piece) const {
    return sums.data() + piece * width_;
  }

  /// (N,C), in double, in the order of the pieces.
  std::vector<double> total(const std::vector<float>& sums) const {
    std::vector<double> result(static_cast<std::size_t>(statistics_));
    for (std::int64_t i = 0; i < size(); ++i) {
      const Piece& piece = pieces_[static_cast<std::size_t>(i)];
      for (std::int64_t k = 0; k < piece.width; ++k)
        result[static_cast<std::size_t>(by_plane_ ? piece.row : piece.row * width_ + k)] +=
            static_cast<double>(sums[static_cast<std::size_t>(i * width_ + k)]);
    }
    return result;
  }

 private:
  static constexpr std::int64_t kVoxels = 256;  // a float sum over so many is exact enough
  std::int64_t size() const {
    return static_cast<std::int64_t>(pieces_.size());
  }

  NormShape shape_;
  bool by_plane_;
  std::int64_t width_, statistics_;
  std::vector<Piece> pieces_;
};

template <class T>
void statistics(const T* x, float* mean, float* rstd, const NormShape& s, float epsilon, const Walk& walk) {
  // The first voxel's values are subtracted before squaring: the variance stays exact where the mean is large.
  const auto first = [&](std::size_t i, std::int64_t c) {
    const auto statistic = static_cast<std::int64_t>(i);
    return to_float(s.layout == Layout::channels_last ? x[statistic / s.channels * s.voxels * s.channels + c]
                                                      : x[statistic * s.voxels]);
  };
  const std::vector<float> shift = walk.rows(first);
  std::vector<float> sums = walk.sums(), squares = walk.sums();
  walk.for_each([&](std::int64_t i, const Piece& p) {
    moments_of(x + p.start, p.count, p.width, walk.row(shift, p), walk.sum(sums, i), walk.sum(squares, i));
  });
  const std::vector<double> sum = walk.total(sums), square = walk.total(squares);
  const auto n = static_cast<double>(s.voxels);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double off = sum[i] / n, variance = std::max(0.0, square[i] / n - off * off);
    mean[i] = static_cast<float>(static_cast<double>(first(i, static_cast<std::int64_t>(i) % s.channels)) + off);
    rstd[i] = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(epsilon)));
  }
}

}  // namespace

template <class T>
void norm_act_forward(const T* x, T* y, float* mean, float* rstd, const NormShape& shape, const NormParameters& p) {
  const Walk walk(shape);
  statistics(x, mean, rstd, shape, p.epsilon, walk);
  const auto scale = walk.rows([&](std::size_t i, std::int64_t c) { return p.gamma[c] * rstd[i]; });
  const auto offset =
      walk.rows([&](std::size_t i, std::int64_t c) { return p.beta[c] - mean[i] * rstd[i] * p.gamma[c]; });
  walk.for_each([&](std::int64_t, const Piece& piece) {
    apply_to(x + piece.start, y + piece.start, piece.count, piece.width, walk.row(scale, piece),
             walk.row(offset, piece), p.slope);
  });
}

template <class T>
void norm_act_backward(const T* x, const T* dy, T* dx, float* dgamma, float* dbeta, const float* mean,
                       const float* rstd, const NormShape& shape, const NormParameters& p) {
  const Walk walk(shape);
  const auto scale = walk.rows([&](std::size_t i, std::int64_t c) { return p.gamma[c] * rstd[i]; });
  const auto offset =
      walk.rows([&](std::size_t i, std::int64_t c) { return p.beta[c] - mean[i] * rstd[i] * p.gamma[c]; });
  const auto rate = walk.rows([&](std::size_t i, std::int64_t) { return rstd[i]; });
  const auto centre = walk.rows([&](std::size_t i, std::int64_t) { return mean[i]; });
  const auto affine = [&](const Piece& piece) {
    return Affine{walk.row(scale, piece), walk.row(offset, piece), walk.row(rate, piece), walk.row(centre, piece)};
  };

  std::vector<float> sums = walk.sums(), products = walk.sums();
  walk.for_each([&](std::int64_t i, const Piece& piece) {
    gradient_sums_of(x + piece.start, dy + piece.start, piece.count, piece.width, affine(piece), p.slope,
                     walk.sum(sums, i), walk.sum(products, i));
  });
  const std::vector<double> sum = walk.total(sums), product = walk.total(products);

  // dx = gamma rstd (g - mean(g) - xhat mean(g xhat))
  const auto n = static_cast<double>(shape.voxels);
  const auto slant = walk.rows([&](std::size_t i, std::int64_t) { return static_cast<float>(product[i] / n); });
  const auto level = walk.rows([&](std::size_t i, std::int64_t) { return static_cast<float>(sum[i] / n); });
  walk.for_each([&](std::int64_t, const Piece& piece) {
    gradient_of(x + piece.start, dy + piece.start, dx + piece.start, piece.count, piece.width, affine(piece),
                walk.row(slant, piece), walk.row(level, piece), p.slope);
  });

  for (std::int64_t c = 0; c < shape.channels; ++c) {
    double gamma = 0, beta = 0;
    for (std::int64_t s = 0; s < shape.samples; ++s) {
      const auto i = static_cast<std::size_t>(s * shape.channels + c);
      gamma += product[i];
      beta += sum[i];
    }
    dgamma[c] = static_cast<float>(gamma);
    dbeta[c] = static_cast<float>(beta);
  }
}

template void norm_act_forward(const float*, float*, float*, float*, const NormShape&, const NormParameters&);
template void norm_act_forward(const Bfloat16*, Bfloat16*, float*, float*, const NormShape&, const NormParameters&);
template void norm_act_backward(const float*, const float*, float*, float*, float*, const float*, const float*,
                                const NormShape&, const NormParameters&);
template void norm_act_backward(const Bfloat16*, const Bfloat16*, Bfloat16*, float*, float*, const float*, const float*,
                                const NormShape&, const NormParameters&);

}  // namespace nnunet::kernels
