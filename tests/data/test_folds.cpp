#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "nnunet/data/folds.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

TEST(Folds, ReferenceIndices) {
  std::ifstream in(test::reference_file("reference/folds.json"));
  const auto reference = nlohmann::json::parse(in);
  ASSERT_GE(reference.size(), 4U);
  for (const auto& [cases, folds] : reference.items()) {
    ASSERT_EQ(folds.size(), 5U);
    for (int fold = 0; fold < 5; ++fold) {
      const auto expected = folds[static_cast<std::size_t>(fold)].get<std::vector<std::int64_t>>();
      EXPECT_EQ(make_fold(std::stoll(cases), 5, fold).val, expected) << cases << " cases, fold " << fold;
    }
  }
}

TEST(Folds, EveryCaseValidatesOnce) {
  for (const int folds : {2, 3, 5, 11}) {
    std::vector<int> seen(23, 0);
    for (int fold = 0; fold < folds; ++fold) {
      const Fold split = make_fold(23, folds, fold);
      EXPECT_EQ(split.train.size() + split.val.size(), 23U);
      EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
      EXPECT_TRUE(std::is_sorted(split.val.begin(), split.val.end()));
      for (const auto i : split.val) {
        ++seen.at(static_cast<std::size_t>(i));
        EXPECT_FALSE(std::binary_search(split.train.begin(), split.train.end(), i));
      }
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 23);
  }
}

TEST(Folds, AsManyFoldsAsCases) {
  for (int fold = 0; fold < 3; ++fold) EXPECT_EQ(make_fold(3, 3, fold).val.size(), 1U);
}

TEST(Folds, BadInput) {
  EXPECT_THROW(make_fold(10, 5, 5), Error);
  EXPECT_THROW(make_fold(10, 5, -1), Error);
  EXPECT_THROW(make_fold(10, 1, 0), Error);
  EXPECT_THROW(make_fold(10, 0, 0), Error);
  EXPECT_THROW(make_fold(4, 5, 0), Error);
  EXPECT_THROW(make_fold(0, 2, 0), Error);
}

}  // namespace
}  // namespace nnunet
