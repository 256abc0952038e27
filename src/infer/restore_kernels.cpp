// Inner loops of the way back to the original grid, without torch.
#include "restore_kernels.h"

#include <algorithm>
#include <cmath>

#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

/// One class of the mix: where it lies, or mixed into `room`.
[[gnu::always_inline]] inline const float* mix_class(const LineMix& mix, std::int64_t k, float* room) {
  const float* line[4];
  for (int i = 0; i < mix.count; ++i) line[i] = mix.line[i] + k * mix.class_stride;
  const float w0 = mix.weight[0], w1 = mix.weight[1], w2 = mix.weight[2], w3 = mix.weight[3];
  switch (mix.count) {
    case 1:
      return line[0];  // its weight is 1
    case 2:
#pragma omp simd
      for (std::int64_t x = 0; x < mix.width; ++x) room[x] = w0 * line[0][x] + w1 * line[1][x];
      return room;
    default:
#pragma omp simd
      for (std::int64_t x = 0; x < mix.width; ++x)
        room[x] = w0 * line[0][x] + w1 * line[1][x] + w2 * line[2][x] + w3 * line[3][x];
      return room;
  }
}

/// The x axis for the loops below.
struct Stretch {
  const std::int32_t *low, *high;
  const float *low_weight, *high_weight;
  std::int64_t count;
};

[[gnu::always_inline]] inline void raise(float value, std::int32_t k, float& best, std::int32_t& label) {
  const bool larger = value > best;
  best = larger ? value : best;
  label = larger ? k : label;
}

constexpr Vectorized stretch_labels = [](const LineMix& mix, const Stretch& s, bool same, float* room, float* best,
                                         std::int32_t* label) NNUNET_INLINED {
  for (std::int64_t k = 0; k < mix.classes; ++k) {
    const float* from = mix_class(mix, k, room);
    const auto number = static_cast<std::int32_t>(k);
    if (k == 0) {
      std::fill_n(label, s.count, 0);
      for (std::int64_t x = 0; x < s.count; ++x)
        best[x] = same ? from[x] : s.low_weight[x] * from[s.low[x]] + s.high_weight[x] * from[s.high[x]];
    } else if (same) {
#pragma omp simd
      for (std::int64_t x = 0; x < s.count; ++x) raise(from[x], number, best[x], label[x]);
    } else {
#pragma omp simd
      for (std::int64_t x = 0; x < s.count; ++x)
        raise(s.low_weight[x] * from[s.low[x]] + s.high_weight[x] * from[s.high[x]], number, best[x], label[x]);
    }
  }
};

constexpr Vectorized stretch_logits = [](const LineMix& mix, const Stretch& s, bool same, float* room, float* to,
                                         std::int64_t class_stride) NNUNET_INLINED {
  for (std::int64_t k = 0; k < mix.classes; ++k, to += class_stride) {
    const float* from = mix_class(mix, k, room);
    if (same) {
      std::copy_n(from, s.count, to);
      continue;
    }
#pragma omp simd
    for (std::int64_t x = 0; x < s.count; ++x)
      to[x] = s.low_weight[x] * from[s.low[x]] + s.high_weight[x] * from[s.high[x]];
  }
};

}  // namespace

RestoreAxis::RestoreAxis(std::int64_t from, std::int64_t to, bool nearest) : same(from == to) {
  const double zoom = static_cast<double>(from) / static_cast<double>(to);
  const auto inside = [&](double v) {
    return static_cast<std::int32_t>(std::clamp(v, 0.0, static_cast<double>(from - 1)));
  };
  for (std::int64_t i = 0; i < to; ++i) {
    const double position = (static_cast<double>(i) + 0.5) * zoom - 0.5, whole = std::floor(position);
    if (nearest) {
      low.push_back(inside(std::floor(position + 0.5)));
      high.push_back(low.back());
      low_weight.push_back(1);
    } else {
      low.push_back(inside(whole));
      high.push_back(inside(whole + 1));
      low_weight.push_back(1 - (position - whole));
    }
    high_weight.push_back(1 - low_weight.back());
  }
}

std::pair<std::int64_t, std::int64_t> RestoreAxis::made_from(std::int64_t begin, std::int64_t end) const {
  const auto index = [&](std::int64_t bound) { return std::ranges::lower_bound(high, bound) - high.begin(); };
  return {index(begin), index(end)};
}

LineStretch::LineStretch(const RestoreAxis& x, std::int64_t width)
    : x_(x),
      low_weight_(x.low_weight.begin(), x.low_weight.end()),
      high_weight_(x.high_weight.begin(), x.high_weight.end()),
      mixed_(static_cast<std::size_t>(width)),
      best_(x.low.size()),
      label_(x.low.size()) {}

void LineStretch::labels(const LineMix& mix, std::uint8_t* to) {
  const Stretch stretch{x_.low.data(), x_.high.data(), low_weight_.data(), high_weight_.data(),
                        static_cast<std::int64_t>(x_.low.size())};
  stretch_labels(mix, stretch, x_.same, mixed_.data(), best_.data(), label_.data());
  std::ranges::transform(label_, to, [](std::int32_t k) { return static_cast<std::uint8_t>(k); });
}

void LineStretch::logits(const LineMix& mix, float* to, std::int64_t class_stride) {
  const Stretch stretch{x_.low.data(), x_.high.data(), low_weight_.data(), high_weight_.data(),
                        static_cast<std::int64_t>(x_.low.size())};
  stretch_logits(mix, stretch, x_.same, mixed_.data(), to, class_stride);
}

}  // namespace nnunet
