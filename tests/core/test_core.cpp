#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/core/random.h"
#include "nnunet/core/table.h"

using namespace nnunet;

TEST(Error, ReadsAsSentences) {
  EXPECT_STREQ(Error("a.nii", "the file is empty", "fetch it again").what(),
               "a.nii: the file is empty. Fetch it again.");
  EXPECT_STREQ(Error("", "no data").what(), "no data.");
  EXPECT_STREQ(Error("images", "no reader opens them: a.png: is no picture.").what(),
               "images: no reader opens them: a.png: is no picture.");
}

// Known answers of Random123's kat_vectors for philox4x32-10.
TEST(Random, PhiloxKnownAnswers) {
  using A4 = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (A4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}), (A4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Random, StreamsAreFixedByTheirKey) {
  CounterRng a(7, 1, 2), b(7, 1, 2), c(7, 1, 3), d(8, 1, 2);
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  EXPECT_NE(first, d.next());
}

TEST(Random, MomentsOfUniformNormalAndInteger) {
  CounterRng rng(1, 0, 0);
  double mean = 0, square = 0, uniform = 0;
  std::vector<int> hits(7);
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    mean += x / n;
    square += x * x / n;
    const float u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    uniform += u / static_cast<double>(n);
    ++hits[static_cast<std::size_t>(rng.integer(7))];
  }
  EXPECT_NEAR(mean, 0, 0.01);
  EXPECT_NEAR(square, 1, 0.02);
  EXPECT_NEAR(uniform, 0.5, 0.005);
  for (const int h : hits) EXPECT_NEAR(h, n / 7.0, 6 * std::sqrt(n / 7.0));
}

TEST(Parallel, VisitsEveryIndexOnce) {
  std::vector<std::atomic<int>> seen(1000);
  parallel_for(1000, 4, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; });
  for (const auto& s : seen) EXPECT_EQ(s, 1);
}

TEST(Parallel, RethrowsTheFirstError) {
  EXPECT_THROW(parallel_for(100, 3,
                            [](std::int64_t i) {
                              if (i == 5) throw std::runtime_error("five");
                            }),
               std::runtime_error);
}

TEST(Table, AlignsNumbersRight) {
  Table table({"case", "s"});
  table.add({"a", "1.5"});
  table.add({"bcd", "10"});
  EXPECT_EQ(table.text(), "case    s\n----  ---\na     1.5\nbcd    10\n");
  EXPECT_THROW(table.add({"x"}), std::invalid_argument);
}

TEST(Progress, Durations) {
  EXPECT_EQ(format_duration(4.24), "4.2 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(3725), "1 h 02 min");
}
