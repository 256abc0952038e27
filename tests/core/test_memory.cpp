#include "nnunet/core/memory.h"

#include <gtest/gtest.h>

#include <atomic>

#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

TEST(Memory, IsKnown) {
  EXPECT_GT(available_memory(), std::int64_t{1} << 20);
  EXPECT_GT(peak_memory(), std::int64_t{1} << 20);
  EXPECT_EQ(format_bytes(std::int64_t{512} << 20), "512 MiB");
  EXPECT_EQ(format_bytes(std::int64_t{2560} << 20), "2.5 GiB");
}

// The most bytes that six workers hold at a time.
std::int64_t most_held(std::int64_t limit, std::int64_t bytes_each) {
  MemoryBudget budget(limit);
  std::atomic<std::int64_t> held{0}, most{0};
  parallel_for(200, 6, [&](std::int64_t) {
    const MemoryBudget::Share share(budget, bytes_each);
    const std::int64_t now = held += bytes_each;
    for (std::int64_t before = most; before < now && !most.compare_exchange_weak(before, now);) {
    }
    held -= bytes_each;
  });
  return most;
}

TEST(MemoryBudget, IsKept) {
  EXPECT_LE(most_held(10, 3), 9);
  EXPECT_EQ(most_held(10, 11), 11);  // too large: alone
  EXPECT_LE(most_held(0, 100), 600);
}

}  // namespace
}  // namespace nnunet
