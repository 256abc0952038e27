#include "message_of.h"
#include "nnunet/v2/splits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "nnunet/v2/python_json.h"
#include "reference/shared.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

using Names = std::vector<std::string>;

Names numbered(std::size_t count) {
  Names names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("case_{:04}", i));
  return names;
}

/// Indices in the reference's lists as names.
Names at(const Names& names, const Json& indices) {
  Names chosen;
  for (const Json& i : indices) chosen.push_back(names.at(i.get<std::size_t>()));
  return chosen;
}

Names without(const Names& names, const Names& others) {
  Names rest;
  std::ranges::copy_if(names, std::back_inserter(rest),
                       [&](const std::string& name) { return std::ranges::find(others, name) == others.end(); });
  return rest;
}

using test::message_of;

TEST(Splits, AsNnUNets) {
  constexpr const char* kFile = "reference-v2/plan/splits.json";
  NNUNET_NEEDS_SHARED(kFile);
  const Json reference = read_python_json(test::shared_dir() / kFile);
  EXPECT_GE(reference.size(), 4U);
  for (const auto& [count, expected] : reference.items()) {
    SCOPED_TRACE(count);
    const Names names = numbered(std::stoul(count));
    Names given = names;
    std::ranges::reverse(given);  // the order does not matter
    const auto splits = five_fold_splits(given);
    ASSERT_EQ(splits.size(), 5U);
    for (std::size_t fold = 0; fold < splits.size(); ++fold) {
      const Names val = at(names, expected["val"][fold]);
      EXPECT_EQ(splits[fold].val, val);
      EXPECT_EQ(splits[fold].train, without(names, val));
      EXPECT_EQ(fold_of(splits, std::to_string(fold), given), splits[fold]);
    }
    for (const char* const fold : {"5", "7"}) {
      const Names train = at(names, expected[fmt::format("beyond_the_file_fold_{}_train", fold)]);
      EXPECT_EQ(fold_of(splits, fold, given), (Split{train, without(names, train)}));
    }
    EXPECT_EQ(fold_of(splits, "all", given), (Split{names, names}));
  }
}

TEST(Splits, AreMadeOnceAndReadFromThenOn) {
  const test::TempFolder folder;
  const auto made = read_or_make_splits(folder.path(), numbered(6));
  EXPECT_EQ(read_or_make_splits(folder.path(), numbered(20)), made);
  EXPECT_EQ(split_of_fold(folder.path(), "3", numbered(6)), made[3]);
  write_splits(folder / kSplitsFile, {{{"b", "a"}, {"c"}}, {{}, {}}});
  EXPECT_EQ(test::content(folder / kSplitsFile), R"([
    {
        "train": [
            "b",
            "a"
        ],
        "val": [
            "c"
        ]
    },
    {
        "train": [],
        "val": []
    }
])");
}

TEST(Splits, AllNeedsNoFile) {
  const test::TempFolder folder;
  EXPECT_EQ(split_of_fold(folder.path(), "all", {"b", "a"}), (Split{{"a", "b"}, {"a", "b"}}));
  EXPECT_FALSE(std::filesystem::exists(folder / kSplitsFile));
}

TEST(Splits, FewerThanFiveCasesAreRefused) {
  const test::TempFolder folder;
  const std::string problem = message_of([&] { read_or_make_splits(folder.path(), numbered(4)); });
  EXPECT_NE(problem.find("4 cases are too few for 5 folds"), std::string::npos) << problem;
  EXPECT_FALSE(std::filesystem::exists(folder / kSplitsFile));
  EXPECT_EQ(read_or_make_splits(folder.path(), numbered(5)).size(), 5U);
}

TEST(Splits, WhatDoesNotFitIsRefused) {
  const Names names = numbered(6);
  const std::vector<Split> splits{{{names[0], "gone"}, {names[1]}}, {{names[0]}, {}}, {{names[0]}, {names[1]}}};
  const auto problem = [&](const std::string& fold) { return message_of([&] { fold_of(splits, fold, names, "F"); }); };
  EXPECT_NE(problem("0").find("F: fold 0 has 1 cases that are not among the preprocessed ones: gone"),
            std::string::npos)
      << problem("0");
  EXPECT_NE(problem("1").find("no validation case"), std::string::npos) << problem("1");
  EXPECT_EQ(problem("2"), "");  // leaves cases out
  for (const char* const fold : {"", "-1", "1.5", "two", "4294967295", "99999999999"})
    EXPECT_NE(problem(fold).find("neither a number"), std::string::npos) << fold;
  EXPECT_NE(message_of([&] { fold_of({}, "5", {"a"}); }).find("no training case"), std::string::npos);
}

TEST(Splits, FilesThatAreNoneAreRefused) {
  const test::TempFolder folder;
  for (const char* const text : {"{}", "[[]]", R"([{"train": ["a"]}])", R"([{"train": ["a"], "val": [1]}])", "["}) {
    test::write(folder / kSplitsFile, text);
    EXPECT_NE(message_of([&] { read_or_make_splits(folder.path(), numbered(9)); }).find(kSplitsFile), std::string::npos)
        << text;
    EXPECT_EQ(test::content(folder / kSplitsFile), text);
  }
}

TEST(Splits, OverlapIsWarnedAbout) {
  testing::internal::CaptureStderr();
  fold_of({{{"a", "b"}, {"b", "c"}}}, "0", {"a", "b", "c"});
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("trains on 1 of its validation cases: b"), std::string::npos) << log;
}

}  // namespace
}  // namespace nnunet::v2
