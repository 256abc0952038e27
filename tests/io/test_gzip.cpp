#include "nnunet/io/gzip.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nnunet/core/random.h"

namespace nnunet {
namespace {

/// Above the size from which the level depends on the content.
constexpr std::size_t kLarge = std::size_t{5} << 20;

std::vector<std::byte> noise(std::size_t size) {
  CounterRng rng(1, 0, 0, 0);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.uniform() * 100);
  return bytes;
}

void expect_round_trip(const std::vector<std::byte>& content, double least_ratio) {
  const std::vector<std::byte> packed = gzip(content);
  EXPECT_TRUE(std::ranges::equal(gunzip(packed, content.size(), "test").bytes(), content));
  EXPECT_GE(static_cast<double>(content.size()), least_ratio * static_cast<double>(packed.size()));
  EXPECT_EQ(gzip(content), packed);
}

TEST(Gzip, GivesBackNoiseAndRepetitions) {
  expect_round_trip({}, 0);
  expect_round_trip(noise(1000), 1);
  expect_round_trip(noise(kLarge), 1);
  std::vector<std::byte> repeating = noise(kLarge);
  for (std::size_t i = 500; i < repeating.size(); ++i) repeating[i] = repeating[i - 500];
  expect_round_trip(repeating, 100);
}

}  // namespace
}  // namespace nnunet
