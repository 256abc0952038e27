#pragma once
#include <cstddef>
#include <span>

namespace nnunet::v2 {

/// The sum of doubles in numpy's order (pairwise, eight partial sums in a block), so that means have its digits.
inline double numpy_sum(std::span<const double> values) {
  constexpr std::size_t block = 128;
  if (values.size() < 8) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }
  if (values.size() > block) {
    std::size_t half = values.size() / 2;
    half -= half % 8;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  double part[8];
  for (std::size_t i = 0; i < 8; ++i) part[i] = values[i];
  std::size_t at = 8;
  for (; at + 8 <= values.size(); at += 8)
    for (std::size_t i = 0; i < 8; ++i) part[i] += values[at + i];
  double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
  for (; at < values.size(); ++at) sum += values[at];
  return sum;
}

}  // namespace nnunet::v2
