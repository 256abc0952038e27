#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstring>
#include <thread>
#include <vector>

#include "nnunet/torch_bridge/tensor_memory.h"

namespace nnunet {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(BlockCache, FreedBlocksServeRequestsOfAboutTheirSize) {
  BlockCache cache;
  void* first = cache.take(10 * kMiB);
  std::memset(first, 1, 10 * kMiB);
  EXPECT_TRUE(cache.give_back(first));
  EXPECT_FALSE(cache.give_back(first));
  EXPECT_FALSE(cache.give_back(&cache));
  void* much_smaller = cache.take(5 * kMiB);
  EXPECT_NE(much_smaller, first);
  void* same = cache.take(9 * kMiB);
  EXPECT_EQ(same, first);
  void* larger = cache.take(10 * kMiB);
  EXPECT_NE(larger, first);
  EXPECT_EQ(cache.used(), 25 * kMiB);
  for (void* block : {much_smaller, same, larger}) EXPECT_TRUE(cache.give_back(block));
  EXPECT_EQ(cache.used(), 0U);
  EXPECT_EQ(cache.held(), 25 * kMiB);
  EXPECT_EQ(cache.take(10 * kMiB), same);  // the smallest that fits, the one longest free first
}

TEST(BlockCache, HoldsLittleMoreThanWasEverUsed) {
  BlockCache cache;
  std::size_t most = 0;
  for (std::size_t i = 1; i < 60; ++i) {  // sizes that no free block fits; nothing is touched, so nothing is paid for
    void* block = cache.take(i * i * kMiB);
    most = std::max(most, cache.used());
    cache.give_back(block);
    ASSERT_LE(cache.held(), most + std::max(most / 4, 512 * kMiB));
  }
  EXPECT_GE(cache.held(), most);
}

TEST(BlockCache, ManyThreads) {
  BlockCache cache;
  const auto work = [&](unsigned char id) {
    for (std::size_t i = 0; i < 200; ++i) {
      auto* block = static_cast<unsigned char*>(cache.take((i % 7 + 1) * 8192));
      std::memset(block, id, 8192);
      ASSERT_EQ(block[8191], id);
      ASSERT_TRUE(cache.give_back(block));
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned char id = 0; id < 4; ++id) threads.emplace_back(work, id);
  threads.clear();
  EXPECT_EQ(cache.used(), 0U);
}

TEST(TensorMemory, TensorsLiveOnAcrossTheChange) {
  auto before = torch::ones({600, 1024});
  keep_tensor_memory();
  keep_tensor_memory();
  auto after = torch::ones({600, 1024});
  EXPECT_TRUE(before.equal(after));
  before.reset();
  after.resize_({700, 1024}).fill_(2);
  EXPECT_EQ(after.sum().item<float>(), 2 * 700 * 1024);
  const void* memory = after.const_data_ptr();
  after.reset();
#ifndef __SANITIZE_ADDRESS__  // with which the system's memory is used
  EXPECT_EQ(torch::zeros({700, 1024}).const_data_ptr(), memory);
#else
  static_cast<void>(memory);
#endif
  EXPECT_EQ(torch::empty({0}).numel(), 0);
  EXPECT_EQ(torch::ones({3}).sum().item<float>(), 3);
}

}  // namespace
}  // namespace nnunet
