#include "nnunet/kernels/blocked.h"

#include <algorithm>
#include <cmath>

namespace nnunet::kernels {
namespace {

constexpr std::int64_t kPiece = 64;  // voxels: sixteen channels of them stay in the first-level cache

/// body(sample, block, channels of it, first voxel, end) for every piece, in parallel.
template <class T, class Body>
void for_each_piece(const Blocked<T>& x, const Body& body) {
  const std::int64_t pieces = (x.voxels() + kPiece - 1) / kPiece, count = x.n * x.blocks() * pieces;
#pragma omp parallel for schedule(static) if (count > 8)
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t n = i / (x.blocks() * pieces), block = i / pieces % x.blocks(), first = i % pieces * kPiece;
    body(n, block, std::min(kBlock, x.channels - block * kBlock), first, std::min(first + kPiece, x.voxels()));
  }
}

/// Of the first of a block's channels in a plain tensor, and from one voxel, one channel to the next.
struct Plain {
  std::int64_t start, voxel, channel;
};
template <class T>
Plain plain(const Blocked<T>& x, Layout layout, std::int64_t n, std::int64_t block) {
  if (layout == Layout::channels_last) return {n * x.voxels() * x.channels + block * kBlock, x.channels, 1};
  return {(n * x.channels + block * kBlock) * x.voxels(), 1, x.voxels()};
}

}  // namespace

template <class U, class T>
void pack(const U* x, Layout layout, const Blocked<T>& y) {
  for_each_piece(
      y, [&](std::int64_t n, std::int64_t block, std::int64_t channels, std::int64_t first, std::int64_t end) {
        const Plain p = plain(y, layout, n, block);
        T* const to = y.at(n, block);
        for (std::int64_t k = 0; k < kBlock; ++k)
          for (std::int64_t v = first; v < end; ++v)
            from_float(k < channels ? to_float(x[p.start + v * p.voxel + k * p.channel]) : 0.0f, to[v * kBlock + k]);
      });
}

template <class T, class U>
void unpack(const Blocked<const T>& x, U* y, Layout layout) {
  for_each_piece(x,
                 [&](std::int64_t n, std::int64_t block, std::int64_t channels, std::int64_t first, std::int64_t end) {
                   const Plain p = plain(x, layout, n, block);
                   const T* const from = x.at(n, block);
                   for (std::int64_t k = 0; k < channels; ++k)
                     for (std::int64_t v = first; v < end; ++v)
                       from_float(to_float(from[v * kBlock + k]), y[p.start + v * p.voxel + k * p.channel]);
                 });
}

template void pack(const float*, Layout, const Blocked<float>&);
template void pack(const float*, Layout, const Blocked<Bfloat16>&);
template void pack(const Bfloat16*, Layout, const Blocked<float>&);
template void pack(const Bfloat16*, Layout, const Blocked<Bfloat16>&);
template void unpack(const Blocked<const float>&, float*, Layout);
template void unpack(const Blocked<const float>&, Bfloat16*, Layout);
template void unpack(const Blocked<const Bfloat16>&, float*, Layout);
template void unpack(const Blocked<const Bfloat16>&, Bfloat16*, Layout);

void normalisation(const Moments* moments, std::int64_t n, std::int64_t channels, const float* gamma, const float* beta,
                   float epsilon, float* scale, float* shift, float* rstd, float* offset) {
  const std::int64_t row = blocks_of(channels) * kBlock;
  for (std::int64_t i = 0; i < n * row; ++i) {
    const std::int64_t c = i % row;
    double r = 0, a = 0, b = 0;
    if (c < channels) {
      r = 1 / std::sqrt(moments[i].variance + static_cast<double>(epsilon));
      a = static_cast<double>(gamma[c]) * r;
      b = static_cast<double>(beta[c]) - moments[i].mean * a;
    }
    scale[i] = static_cast<float>(a);
    shift[i] = static_cast<float>(b);
    if (rstd != nullptr) rstd[i] = static_cast<float>(r);
    if (offset != nullptr) offset[i] = c < channels ? static_cast<float>(-moments[i].mean * r) : 0.0f;
  }
}

}  // namespace nnunet::kernels
