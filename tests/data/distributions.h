#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace nnunet::test {

/// Pearson's chi-squared of counts against probabilities that sum to 1; what cannot happen has probability 0.
inline double chi_squared(const std::vector<std::int64_t>& counts, const std::vector<double>& probabilities) {
  double draws = 0, sum = 0;
  for (const std::int64_t count : counts) draws += static_cast<double>(count);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = draws * probabilities.at(i), off = static_cast<double>(counts[i]) - expected;
    if (expected > 0) sum += off * off / expected;
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0) << "what cannot happen did: " << i;
    }
  }
  return sum;
}

/// The counts are those of that distribution. By Wilson and Hilferty's approximation one in a million samples fails;
/// seeds are fixed.
inline void expect_distribution(const std::vector<std::int64_t>& counts, const std::vector<double>& probabilities) {
  const auto possible = std::count_if(probabilities.begin(), probabilities.end(), [](double p) { return p > 0; });
  const double freedom = std::max<double>(static_cast<double>(possible) - 1, 1), part = 2 / (9 * freedom);
  const double most = freedom * std::pow(1 - part + 4.75 * std::sqrt(part), 3);
  EXPECT_LT(chi_squared(counts, probabilities), most);
}

inline void expect_even(const std::vector<std::int64_t>& counts) {
  expect_distribution(counts, std::vector<double>(counts.size(), 1.0 / static_cast<double>(counts.size())));
}

/// Counts of values in [low, high) by twenty equal parts; others fail.
inline std::vector<std::int64_t> histogram(const std::vector<double>& values, double low, double high) {
  std::vector<std::int64_t> counts(20);
  for (const double value : values) {
    EXPECT_TRUE(value >= low && value <= high) << value;
    const auto part = static_cast<std::size_t>((value - low) / (high - low) * 20);
    ++counts[std::min<std::size_t>(part, 19)];
  }
  return counts;
}

}  // namespace nnunet::test
