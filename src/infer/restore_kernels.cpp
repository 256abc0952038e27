// Inner loops of the way back to the original grid, without torch.
#include "restore_kernels.h"

#include <algorithm>
#include <cmath>

#include "half_restore_kernels.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

/// One class of the mix: where it lies, or mixed into `room`.
[[gnu::always_inline]] inline const float* mix_class(const LineMix& mix, std::int64_t k, float* room) {
  const float* line[4];
  for (int i = 0; i < mix.count; ++i) line[i] = static_cast<const float*>(mix.line[i]) + k * mix.class_stride;
  const auto w0 = static_cast<float>(mix.weight[0]), w1 = static_cast<float>(mix.weight[1]),
             w2 = static_cast<float>(mix.weight[2]), w3 = static_cast<float>(mix.weight[3]);
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

using Stretch = StretchOf<float>;

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

constexpr Vectorized raise_line = [](const float* values, std::int32_t k, float* best, std::int32_t* label,
                                     std::int64_t count) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) raise(values[i], k, best[i], label[i]);
};

constexpr Vectorized mark_line = [](const float* values, float least, std::int32_t value, std::int64_t count,
                                    std::int32_t* label) NNUNET_INLINED {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) label[i] = values[i] >= least ? value : label[i];
};

}  // namespace

RestoreAxis::RestoreAxis(std::int64_t from, std::int64_t to, AxisRule rule) : same(from == to) {
  const double zoom = static_cast<double>(from) / static_cast<double>(to);
  const float torch_zoom = static_cast<float>(from) / static_cast<float>(to);
  const auto inside = [&](double v) {
    return static_cast<std::int32_t>(std::clamp(v, 0.0, static_cast<double>(from - 1)));
  };
  for (std::int64_t i = 0; i < to; ++i) {
    const double position = (static_cast<double>(i) + 0.5) * zoom - 0.5, whole = std::floor(position);
    const float torch_place = (static_cast<float>(i) + 0.5F) * torch_zoom;
    switch (rule) {
      case AxisRule::linear:
        low.push_back(inside(whole));
        high.push_back(inside(whole + 1));
        low_weight.push_back(1 - (position - whole));
        high_weight.push_back(1 - low_weight.back());
        break;
      case AxisRule::linear_inside: {
        const double at = std::clamp(position, 0.0, static_cast<double>(from - 1)), fraction = at - std::floor(at);
        low.push_back(inside(std::floor(at)));
        high.push_back(fraction == 0 ? low.back() : low.back() + 1);
        low_weight.push_back(1 - fraction);
        high_weight.push_back(fraction);
        break;
      }
      case AxisRule::torch_linear: {
        const float at = std::max(0.0F, torch_place - 0.5F), fraction = at - std::floor(at);
        low.push_back(inside(std::floor(at)));
        high.push_back(inside(std::floor(at) + 1));
        low_weight.push_back(1.0F - fraction);
        high_weight.push_back(fraction);
        break;
      }
      default:
        low.push_back(inside(std::floor(rule == AxisRule::nearest ? position + 0.5 : torch_place)));
        high.push_back(low.back());
        low_weight.push_back(1);
        high_weight.push_back(0);
    }
  }
}

std::pair<std::int64_t, std::int64_t> RestoreAxis::made_from(std::int64_t begin, std::int64_t end) const {
  const auto index = [&](std::int64_t bound) { return std::ranges::lower_bound(high, bound) - high.begin(); };
  return {index(begin), index(end)};
}

LineStretch::LineStretch(const RestoreAxis& x, std::int64_t width, LineKind kind)
    : x_(x),
      kind_(kind),
      low_weight_(x.low_weight.begin(), x.low_weight.end()),
      high_weight_(x.high_weight.begin(), x.high_weight.end()),
      mixed_(static_cast<std::size_t>(std::max(width, kBoundWidth))),
      best_(x.low.size()),
      line_(x.low.size()),
      label_(x.low.size()) {
  if (kind == LineKind::halves) make_parts(width);
}

void LineStretch::make_parts(std::int64_t width) {
  constexpr std::int64_t kMost = 128;
  const auto count = static_cast<std::int64_t>(x_.low.size());
  wide_.resize(static_cast<std::size_t>(4 * width));
  for (std::int64_t begin = 0, end = 0; begin < count; begin = end) {
    const std::int64_t from = x_.low[static_cast<std::size_t>(begin)];
    const auto made_of = [&](std::int64_t last) { return x_.high[static_cast<std::size_t>(last)] + 1 - from; };
    for (end = begin + 1; end < count && end - begin < kMost && made_of(end) <= kBoundWidth;) ++end;
    parts_.push_back({begin, end, from, made_of(end - 1)});
  }
}

const std::int32_t* LineStretch::labels(const LineMix& mix) {
  const auto count = static_cast<std::int64_t>(x_.low.size());
  if (kind_ == LineKind::floats) {
    const Stretch stretch{x_.low.data(), x_.high.data(), low_weight_.data(), high_weight_.data(), count};
    stretch_labels(mix, stretch, x_.same, mixed_.data(), best_.data(), label_.data());
  } else if (kind_ == LineKind::halves) {
    choose_possible(mix);
    for (std::size_t p = 0; p < parts_.size(); ++p) half_labels(mix, p);
  } else {
    std::ranges::fill(label_, 0);
    for (std::int64_t k = 0; k < mix.classes; ++k) {
      half_class(mix, k, k == 0 ? best_.data() : line_.data());
      if (k > 0) raise_line(line_.data(), static_cast<std::int32_t>(k), best_.data(), label_.data(), count);
    }
  }
  return label_.data();
}

/// Neighbours made of the same lines, with other weights, share the choice.
void LineStretch::choose_possible(const LineMix& mix) {
  if (std::ranges::equal(possible_for_, mix.line)) return;
  std::ranges::copy(mix.line, possible_for_.begin());
  bounds_.resize(static_cast<std::size_t>(2 * mix.classes));
  possible_.resize(parts_.size() * static_cast<std::size_t>(mix.classes));
  possible_counts_.clear();
  magnitudes_.clear();
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    std::int32_t* const classes = possible_.data() + p * static_cast<std::size_t>(mix.classes);
    possible_counts_.push_back(possible_classes(mix, parts_[p], bounds_.data(), classes));
    const auto count = static_cast<std::size_t>(possible_counts_.back());
    magnitudes_.push_back(largest_magnitude(mix, bounds_.data(), {classes, count}));
  }
}

/// Most voxels have one class that is the largest by far; where two are close, their rounding to float16 decides.
void LineStretch::half_labels(const LineMix& mix, std::size_t p) {
  const LinePart& part = parts_[p];
  const auto classes = std::span(possible_).subspan(p * static_cast<std::size_t>(mix.classes),
                                                    static_cast<std::size_t>(possible_counts_[p]));
  const std::int64_t count = part.end - part.begin;
  std::int32_t* label = label_.data() + part.begin;
  if (classes.size() == 1) {
    std::fill_n(label, count, classes.front());
    return;
  }
  const StretchOf<float> rough{x_.low.data(), x_.high.data(), low_weight_.data(), high_weight_.data(), 0};
  rough_largest(mix, classes, rough, part, mixed_.data(), {best_.data(), line_.data(), label});
  close_.clear();
  for (std::int64_t i = 0; i < count; ++i) {
    const float best = best_[static_cast<std::size_t>(i)], second = line_[static_cast<std::size_t>(i)];
    // Also where a logit is not a number.
    if (!(best - second > room_for_rounding(best, second, magnitudes_[p]))) close_.push_back(i);
  }
  if (static_cast<std::int64_t>(close_.size()) * 8 > count) {  // then all at once are faster
    rounded_labels(mix, part, classes);
    return;
  }
  const StretchOf<double> exact{x_.low.data(), x_.high.data(), x_.low_weight.data(), x_.high_weight.data(), 0};
  for (const std::int64_t i : close_) label[i] = largest_half(mix, classes, exact, part.begin + i);
}

void LineStretch::rounded_labels(const LineMix& mix, const LinePart& part, std::span<const std::int32_t> classes) {
  const std::int64_t count = part.end - part.begin;
  std::int32_t* label = label_.data() + part.begin;
  std::fill_n(label, count, classes.front());
  const StretchOf<double> stretch{x_.low.data(), x_.high.data(), x_.low_weight.data(), x_.high_weight.data(), 0};
  stretch_halves(mix, classes.front(), stretch, part, wide_.data(), best_.data());
  for (const std::int32_t k : classes.subspan(1)) {
    stretch_halves(mix, k, stretch, part, wide_.data(), line_.data());
    raise_line(line_.data(), k, best_.data(), label, count);
  }
}

void LineStretch::logits(const LineMix& mix, float* to, std::int64_t class_stride) {
  if (kind_ != LineKind::floats) {
    for (std::int64_t k = 0; k < mix.classes; ++k) half_class(mix, k, to + k * class_stride);
    return;
  }
  const Stretch stretch{x_.low.data(), x_.high.data(), low_weight_.data(), high_weight_.data(),
                        static_cast<std::int64_t>(x_.low.size())};
  stretch_logits(mix, stretch, x_.same, mixed_.data(), to, class_stride);
}

void LineStretch::half_class(const LineMix& mix, std::int64_t k, float* to) {
  const auto count = static_cast<std::int64_t>(x_.low.size());
  if (kind_ == LineKind::halves) {
    const StretchOf<double> stretch{x_.low.data(), x_.high.data(), x_.low_weight.data(), x_.high_weight.data(), count};
    for (const LinePart& part : parts_) stretch_halves(mix, k, stretch, part, wide_.data(), to + part.begin);
  } else {
    const Stretch stretch{x_.low.data(), x_.high.data(), low_weight_.data(), high_weight_.data(), count};
    stretch_widened_halves(mix, k, stretch, x_.same, mixed_.data(), to);
  }
}

void largest_classes(const float* values, std::int64_t classes, std::int64_t class_stride, std::int64_t count,
                     std::int32_t* label) {
  std::vector<float> best(values, values + count);
  std::fill_n(label, count, 0);
  for (std::int64_t k = 1; k < classes; ++k)
    raise_line(values + k * class_stride, static_cast<std::int32_t>(k), best.data(), label, count);
}

void mark_region(const float* values, float least, std::int32_t value, std::int64_t count, std::int32_t* label) {
  mark_line(values, least, value, count, label);
}

}  // namespace nnunet
