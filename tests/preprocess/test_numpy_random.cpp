// numpy's generator against the standard library's, which has the same numbers; what is made of them is in
// test_nnunet_v2.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "nnunet/preprocess/numpy_random.h"

namespace nnunet {
namespace {

TEST(NumpyRandom, IsTheMersenneTwister) {
  for (const std::uint32_t seed : {0U, 1U, 1234U, 12345U, 4294967295U}) {
    NumpyRandom random(seed);
    std::mt19937 standard(seed);
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(random.below(std::uint64_t{1} << 32), standard()) << seed << ' ' << i;
    // Beyond 32 bits the higher half comes first.
    const std::uint64_t high = standard(), low = standard();
    EXPECT_EQ(random.below(std::uint64_t{1} << 63), (high << 32 | low) & (~std::uint64_t{0} >> 1));
  }
}

TEST(NumpyRandom, CountsAreTheDraws) {
  for (const std::uint64_t n : {1, 2, 3, 777, 1024, 1025, 100000})
    for (const std::size_t count : {0, 1, 5, 623, 624, 625, 20000}) {
      NumpyRandom drawing(7), counting(7);
      std::vector<std::uint32_t> expected(n);
      // Twice: the second time goes on in the middle of a block.
      for (int round = 0; round < 2; ++round) {
        std::ranges::fill(expected, 0U);
        for (const std::uint64_t value : drawing.choice_with_replacement(n, count)) ++expected[value];
        ASSERT_EQ(counting.counts_with_replacement(n, count), expected) << n << ' ' << count;
      }
      ASSERT_EQ(counting.below(1000000), drawing.below(1000000)) << n << ' ' << count;
    }
}

}  // namespace
}  // namespace nnunet
