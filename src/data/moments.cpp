#include "moments.h"

#include <algorithm>
#include <cmath>

#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

struct Block {
  float least = 0, most = 0;
  double mean = 0, squares = 0;
};

// Running values side by side, for the vector unit.
constexpr std::int64_t kLanes = 32;

constexpr Vectorized look = [](const float* x, std::int64_t count, Block& seen) NNUNET_INLINED {
  float low[kLanes], high[kLanes], sum[kLanes];
  std::fill_n(low, kLanes, x[0]);
  std::fill_n(high, kLanes, x[0]);
  std::fill_n(sum, kLanes, 0.0F);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      const float v = x[i + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
      sum[k] += v;
    }
  }
  for (std::int64_t k = 0; i + k < count; ++k) {
    low[k] = std::min(low[k], x[i + k]);
    high[k] = std::max(high[k], x[i + k]);
    sum[k] += x[i + k];
  }
  seen.least = *std::min_element(low, low + kLanes);
  seen.most = *std::max_element(high, high + kLanes);
  double total = 0;
  for (std::int64_t k = 0; k < kLanes; ++k) total += static_cast<double>(sum[k]);
  // Clamped, so that a constant block has no spread.
  const float mean = std::clamp(static_cast<float>(total / static_cast<double>(count)), seen.least, seen.most);
  float off[kLanes], square[kLanes];  // the mean is rounded, so what it is off by is added
  std::fill_n(off, kLanes, 0.0F);
  std::fill_n(square, kLanes, 0.0F);
  for (i = 0; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      const float v = x[i + k] - mean;
      off[k] += v;
      square[k] += v * v;
    }
  }
  for (std::int64_t k = 0; i + k < count; ++k) {
    off[k] += x[i + k] - mean;
    square[k] += (x[i + k] - mean) * (x[i + k] - mean);
  }
  double remainder = 0, squares = 0;
  for (std::int64_t k = 0; k < kLanes; ++k) {
    remainder += static_cast<double>(off[k]);
    squares += static_cast<double>(square[k]);
  }
  seen.mean = static_cast<double>(mean) + remainder / static_cast<double>(count);
  seen.squares = std::max(squares - remainder * remainder / static_cast<double>(count), 0.0);
};

}  // namespace

Moments::Moments(const float* values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kBlock) see(values + i, std::min(kBlock, count - i));
}

// Joined by the formula of Chan, Golub and LeVeque ("Algorithms for computing the sample variance", 1983).
void Moments::see(const float* values, std::int64_t count) {
  if (count == 0) return;
  Block block;
  look(values, count, block);
  least_ = std::min(least_, block.least);
  most_ = std::max(most_, block.most);
  const auto n = static_cast<double>(count_), m = static_cast<double>(count);
  const double difference = block.mean - mean_;
  mean_ = count_ == 0 ? block.mean : mean_ + difference * (m / (n + m));
  squares_ += block.squares + (count_ == 0 ? 0.0 : difference * difference * (n * m / (n + m)));
  count_ += count;
}

double Moments::deviation() const {
  return count_ < 2 ? 0.0 : std::sqrt(squares_ / static_cast<double>(count_ - 1));
}

}  // namespace nnunet
