#pragma once
#include <cstdint>
#include <type_traits>

#include "nnunet/core/cpu.h"
#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/layout.h"

/// Activations as the convolutions of our own (docs/kernels.md) read and write them, and what is fused to them.
namespace nnunet::kernels {

inline constexpr std::int64_t kBlock = 16;  ///< channels innermost: the floats of an AVX-512 register
inline std::int64_t blocks_of(std::int64_t channels) {
  return (channels + kBlock - 1) / kBlock;
}

/// A view of (N, ceil(C/16), D, H, W, 16), dense, aligned to 64 bytes. T: float or Bfloat16, or const of them. The last
/// block's channels beyond C are zeros: every kernel writes them so. 2D is d = 1.
template <class T>
struct Blocked {
  T* data = nullptr;
  std::int64_t n = 0, channels = 0, d = 1, h = 1, w = 1;

  std::int64_t blocks() const { return blocks_of(channels); }
  std::int64_t voxels() const { return d * h * w; }
  std::int64_t row() const { return w * kBlock; }  ///< elements from one line to the next; and so on
  std::int64_t plane() const { return h * row(); }
  std::int64_t block() const { return d * plane(); }
  std::int64_t sample() const { return blocks() * block(); }
  std::int64_t size() const { return n * sample(); }  ///< elements in all
  T* at(std::int64_t sample_index, std::int64_t block_index) const {
    return data + sample_index * sample() + block_index * block();
  }
  operator Blocked<const T>() const requires(!std::is_const_v<T>) { return {data, n, channels, d, h, w}; }
};

/// A tensor that a convolution reads, and what happens to its values on the way in, in float32:
///   z = x * scale + shift (+ with * with_scale), then z < 0 ? z * slope : z.
/// Zero padding comes after that. scale, shift and with_scale are (N, blocks * 16), zeros beyond the channels; without
/// scale x is read as it is. `with`, of x's shape, is for backward passes: the gradient of a normalisation's input is
/// such a sum of the output's gradient and the input.
template <class T>
struct Source {
  Blocked<const T> x;
  const float* scale = nullptr;
  const float* shift = nullptr;
  float slope = 1;  ///< 1: no activation
  const T* with = nullptr;
  const float* with_scale = nullptr;
};

/// What a convolution reads: one tensor, or two whose channels follow each other (the concatenation of the upsampled
/// features and the skip connection) without lying side by side.
template <class T>
struct Input {
  Source<T> first;
  Source<T> second = {};  ///< data null: none. Same n, d, h, w as the first.

  std::int64_t channels() const { return first.x.channels + second.x.channels; }
  std::int64_t blocks() const { return first.x.blocks() + second.x.blocks(); }
};

/// Mean and population variance of one sample's channel.
struct Moments {
  double mean = 0, variance = 0;
};

/// The gradient of LeakyReLU and what the gradient of the instance norm before it needs, taken while a gradient g of
/// the activation's result is written: with xhat = x * rstd + offset and z = xhat * gamma + beta what is written is g'
/// = z < 0 ? g * slope : g, and sums, (N, blocks * 16, 2), receive the sums of g' and of g' * xhat over the voxels.
/// rstd and offset (= -mean * rstd): (N, blocks * 16); gamma, beta: (blocks * 16).
template <class T>
struct ThroughNorm {
  const T* x = nullptr;  ///< the norm's input, of the result's shape; null: none of this
  const float *rstd = nullptr, *offset = nullptr, *gamma = nullptr, *beta = nullptr;
  float slope = 1;
  double* sums = nullptr;
};

/// A tensor that a convolution writes: the result before its norm.
template <class T>
struct Output {
  Blocked<T> y;
  const float* bias = nullptr;  ///< (blocks * 16), zeros beyond the channels
  bool add = false;             ///< onto what y holds (gradients that come from two sides)
  Moments* moments = nullptr;   ///< (N, blocks * 16): receives the moments of what is written, taken on the way, in
                                ///< pieces whose order depends on the shape alone
  ThroughNorm<T> through = {};  ///< after `add`
};

/// scale and shift, (N, blocks * 16), that a Source needs to normalise: gamma / sqrt(variance + epsilon) and beta -
/// mean
/// * scale; zeros beyond the channels. gamma and beta: (channels). rstd and offset of ThroughNorm too, unless null.
void normalisation(const Moments* moments, std::int64_t n, std::int64_t channels, const float* gamma, const float* beta,
                   float epsilon, float* scale, float* shift, float* rstd = nullptr, float* offset = nullptr);

/// (N,C,D,H,W) or (N,D,H,W,C) to blocked and back; the shape is the blocked view's. T and U: float or Bfloat16.
template <class U, class T>
void pack(const U* x, Layout layout, const Blocked<T>& y);
template <class T, class U>
void unpack(const Blocked<const T>& x, U* y, Layout layout);

}  // namespace nnunet::kernels
