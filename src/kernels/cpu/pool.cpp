#include "nnunet/kernels/pool.h"

#include "nnunet/core/vectorized.h"

namespace nnunet::kernels {
namespace {

using Strides = std::array<std::int64_t, 3>;

/// A row of means; from: the first voxel of the first window.
constexpr Vectorized mean_row = []<class T>(const T* from, std::int64_t plane, std::int64_t row, const Strides& stride,
                                            std::int64_t count, T* to) NNUNET_INLINED {
  const auto share = 1.0F / static_cast<float>(stride[0] * stride[1] * stride[2]);
  for (std::int64_t w = 0; w < count; ++w, from += stride[2] * kBlock, to += kBlock) {
    float sum[kBlock] = {};
    for (std::int64_t z = 0; z < stride[0]; ++z)
      for (std::int64_t y = 0; y < stride[1]; ++y)
        for (std::int64_t x = 0; x < stride[2]; ++x)
          for (std::int64_t k = 0; k < kBlock; ++k) sum[k] += to_float(from[z * plane + y * row + x * kBlock + k]);
    for (std::int64_t k = 0; k < kBlock; ++k) from_float(sum[k] * share, to[k]);
  }
};

/// A row of shares, each for `across` voxels.
constexpr Vectorized share_row = []<class T>(const T* from, float share, std::int64_t across, std::int64_t count,
                                             bool add, T* to) NNUNET_INLINED {
  for (std::int64_t w = 0; w < count; ++w, to += kBlock) {
    const T* const dy = from + w / across * kBlock;
    for (std::int64_t k = 0; k < kBlock; ++k)
      from_float(to_float(dy[k]) * share + (add ? to_float(to[k]) : 0.0F), to[k]);
  }
};

}  // namespace

template <class T>
void mean_pool(const Blocked<const T>& x, const Strides& stride, const Blocked<T>& y) {
  const std::int64_t rows = y.n * y.blocks() * y.d * y.h;
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t h = i % y.h, d = i / y.h % y.d, part = i / (y.h * y.d);
    mean_row(x.data + part * x.block() + d * stride[0] * x.plane() + h * stride[1] * x.row(), x.plane(), x.row(),
             stride, y.w, y.data + part * y.block() + d * y.plane() + h * y.row());
  }
}

template <class T>
void mean_pool_gradient(const Blocked<const T>& dy, const Strides& stride, const Blocked<T>& dx, bool add) {
  const auto share = 1.0F / static_cast<float>(stride[0] * stride[1] * stride[2]);
  const std::int64_t rows = dx.n * dx.blocks() * dx.d * dx.h;
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t h = i % dx.h, d = i / dx.h % dx.d, part = i / (dx.h * dx.d);
    share_row(dy.data + part * dy.block() + d / stride[0] * dy.plane() + h / stride[1] * dy.row(), share, stride[2],
              dx.w, add, dx.data + part * dx.block() + d * dx.plane() + h * dx.row());
  }
}

template void mean_pool(const Blocked<const float>&, const Strides&, const Blocked<float>&);
template void mean_pool(const Blocked<const Bfloat16>&, const Strides&, const Blocked<Bfloat16>&);
template void mean_pool_gradient(const Blocked<const float>&, const Strides&, const Blocked<float>&, bool);
template void mean_pool_gradient(const Blocked<const Bfloat16>&, const Strides&, const Blocked<Bfloat16>&, bool);

}  // namespace nnunet::kernels
