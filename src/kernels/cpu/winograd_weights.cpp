#include "winograd_weights.h"

#include <algorithm>
#include <cstring>

#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"

namespace nnunet::kernels {
namespace {

constexpr int kMostTaps = 27, kMostPoints = 216;

/// from (before, taps, after) to (before, points, after), `after` counting sixteen output channels in.
NNUNET_INLINE void along_axis(const WinogradAxis& axis, const float* from, float* to, int before, int after) {
  for (int b = 0; b < before; ++b)
    for (int p = 0; p < axis.points; ++p, to += after) {
      const auto& g = axis.g[static_cast<std::size_t>(p)];
      const float* const taps = from + b * axis.taps * after;
      if (axis.taps == 1) {
        std::copy_n(taps, after, to);
        continue;
      }
      const auto g0 = static_cast<float>(g[0]), g1 = static_cast<float>(g[1]), g2 = static_cast<float>(g[2]);
      for (int i = 0; i < after; ++i) to[i] = g0 * taps[i] + g1 * taps[after + i] + g2 * taps[2 * after + i];
    }
}

/// (taps, 16) to (points, 16)
constexpr Vectorized to_points = [](const Axes& axes, const float* taps, float* points) NNUNET_INLINED {
  alignas(64) float w[9 * 6 * kBlock], h[3 * 36 * kBlock];
  const int d = axes[0]->taps;
  along_axis(*axes[2], taps, w, d * 3, kBlock);
  along_axis(*axes[1], w, h, d, axes[2]->points * static_cast<int>(kBlock));
  along_axis(*axes[0], h, points, 1, axes[1]->points * axes[2]->points * static_cast<int>(kBlock));
};

/// (points, 16) of two input channels beside each other in bfloat16; `step` elements from a point to the next.
constexpr Vectorized beside_each_other = [](const float* even, const float* odd, std::int64_t points, Bfloat16* to,
                                            std::int64_t step) NNUNET_INLINED {
  for (std::int64_t p = 0; p < points; ++p, even += kBlock, odd += kBlock, to += step) {
    Bfloat16 both[2 * kBlock];
    for (std::int64_t k = 0; k < kBlock; ++k) {
      from_float(even[k], both[2 * k]);
      from_float(odd[k], both[2 * k + 1]);
    }
    std::memcpy(to, both, sizeof both);
  }
};

}  // namespace

WinogradWeights::WinogradWeights(const std::vector<ChannelBlock>& in, const std::vector<ChannelBlock>& out,
                                 const Axes& axes, bool half, int out_blocks)
    : in_(in), out_(out), axes_(axes), half_(half), group_blocks_(out_blocks) {
  for (const ChannelBlock& b : in) inputs_ += b.count;
  for (const ChannelBlock& b : out) outputs_ += b.count;
  const std::int64_t groups = ceil_div(static_cast<std::int64_t>(out.size()), out_blocks);
  memory_ = AlignedBytes(start(groups - 1, points()) * (half ? 2 : 4));
  std::memset(memory_.data(), 0, static_cast<std::size_t>(memory_.size()));
}

/// One input channel's taps for the channels of an output block: (taps, 16).
void WinogradWeights::gather(const float* w, bool transposed, const ChannelBlock& out, const ChannelBlock& in,
                             std::int64_t lane, float* taps) const {
  const std::int64_t count = axes_[0]->taps * 9, i = in.first + lane;
  std::fill_n(taps, count * kBlock, 0.0f);
  if (lane >= in.count) return;
  for (std::int64_t k = 0; k < out.count; ++k) {
    const std::int64_t o = out.first + k;
    const float* const g = w + (transposed ? i * outputs_ + o : o * inputs_ + i) * count;
    for (std::int64_t t = 0; t < count; ++t) taps[t * kBlock + k] = g[transposed ? count - 1 - t : t];
  }
}

void WinogradWeights::set(const float* w, bool transposed) {
  const auto in_blocks = static_cast<std::int64_t>(in_.size()), out_blocks = static_cast<std::int64_t>(out_.size());
#pragma omp parallel for
  for (std::int64_t task = 0; task < out_blocks * in_blocks; ++task) {
    const std::int64_t o = task / in_blocks, i = task % in_blocks;
    alignas(64) float taps[kMostTaps * kBlock], u[2][kMostPoints * kBlock];
    const std::int64_t group = o / group_blocks_, column = o % group_blocks_ * kBlock, columns = blocks(group) * kBlock;
    for (std::int64_t lane = 0; lane < kBlock; ++lane) {
      const std::int64_t channel = i * kBlock + lane;
      gather(w, transposed, out_[static_cast<std::size_t>(o)], in_[static_cast<std::size_t>(i)], lane, taps);
      to_points(axes_, taps, u[half_ ? lane % 2 : 0]);
      if (!half_) {
        for (std::int64_t p = 0; p < points(); ++p)
          std::copy_n(u[0] + p * kBlock, kBlock, memory_.as<float>() + start(group, p) + channel * columns + column);
      } else if (lane % 2 == 1) {
        beside_each_other(u[0], u[1], points(),
                          memory_.as<Bfloat16>() + start(group, 0) + (channel / 2 * columns + column) * 2,
                          matrix(group));
      }
    }
  }
}

}  // namespace nnunet::kernels
