#include "nnunet/core/part.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

TEST(Part, EveryEntryHasOneOwner) {
  std::vector<int> all(23);
  std::iota(all.begin(), all.end(), 0);
  for (const int count : {1, 2, 5, 23, 40}) {
    std::vector<int> owned;
    for (int id = 0; id < count; ++id) {
      const Part part{id, count};
      const std::vector<int> own = part.own(all);
      EXPECT_LE(own.size(), all.size() / static_cast<std::size_t>(count) + 1);
      for (const int i : all)
        EXPECT_EQ(part.owns(static_cast<std::size_t>(i)), std::count(own.begin(), own.end(), i) == 1);
      owned.insert(owned.end(), own.begin(), own.end());
    }
    std::sort(owned.begin(), owned.end());
    EXPECT_EQ(owned, all);
  }
}

TEST(Part, JobArraysAndLaunchersMultiply) {
  EXPECT_TRUE(choose_part(1, 0, {}).alone());
  const Part array = choose_part(4, 3, {});
  EXPECT_EQ(array.id, 3);
  EXPECT_EQ(array.count, 4);
  JobPlace place;
  place.size = 4;
  place.rank = 2;
  const Part both = choose_part(2, 1, place);
  EXPECT_EQ(both.id, 6);
  EXPECT_EQ(both.count, 8);
}

TEST(Part, MeaninglessNumbersAreRefused) {
  EXPECT_THROW(choose_part(0, 0, {}), Error);
  EXPECT_THROW(choose_part(-1, 0, {}), Error);
  EXPECT_THROW(choose_part(2, 2, {}), Error);
  EXPECT_THROW(choose_part(2, -1, {}), Error);
  EXPECT_THROW(choose_part(1 << 30, 0, {}), Error);
}

}  // namespace
}  // namespace nnunet
