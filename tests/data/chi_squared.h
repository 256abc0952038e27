#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace nnunet::test {

/// That counts are drawn with these probabilities (which add up to 1): chi squared lies below what one in 10^5 true
/// draws exceeds (Wilson and Hilferty's approximation). Seeds are fixed, so this does not fail now and then.
inline void expect_drawn_from(const std::vector<std::int64_t>& counts, const std::vector<double>& probabilities) {
  ASSERT_EQ(counts.size(), probabilities.size());
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  double chi = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * probabilities[i], difference = static_cast<double>(counts[i]) - expected;
    ASSERT_GE(expected, 5) << "too few draws for bin " << i;
    chi += difference * difference / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1), spread = 2 / (9 * freedom);
  EXPECT_LT(chi, freedom * std::pow(1 - spread + 4.265 * std::sqrt(spread), 3)) << testing::PrintToString(counts);
}

inline void expect_evenly_drawn(const std::vector<std::int64_t>& counts) {
  expect_drawn_from(counts, std::vector<double>(counts.size(), 1.0 / static_cast<double>(counts.size())));
}

inline void expect_coin(std::int64_t heads, std::int64_t throws, double probability) {
  expect_drawn_from({heads, throws - heads}, {probability, 1 - probability});
}

/// Counts of values in equal bins of [low, high]; a value outside of it fails the test.
class Histogram {
 public:
  Histogram(double low, double high, std::size_t bins) : low_(low), high_(high), counts_(bins, 0) {}
  void add(double value) {
    const double place = (value - low_) / (high_ - low_);
    EXPECT_GE(place, -1e-4);
    EXPECT_LE(place, 1 + 1e-4);
    const auto bin = static_cast<std::int64_t>(std::floor(place * static_cast<double>(counts_.size())));
    const auto last = static_cast<std::int64_t>(counts_.size()) - 1;
    ++counts_[static_cast<std::size_t>(bin < 0 ? 0 : bin > last ? last : bin)];
  }
  const std::vector<std::int64_t>& counts() const { return counts_; }

 private:
  double low_, high_;
  std::vector<std::int64_t> counts_;
};

}  // namespace nnunet::test
