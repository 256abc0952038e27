#include "nnunet/plan/label_names.h"

#include <gtest/gtest.h>

namespace nnunet {
namespace {

std::vector<std::pair<int, std::string>> names(const LabelSpec& spec) {
  std::vector<std::pair<int, std::string>> found;
  for (const auto& [value, name] : named_values(spec)) found.emplace_back(value, name);
  return found;
}
using Names = std::vector<std::pair<int, std::string>>;

TEST(LabelNames, LabelsAreTheirValues) {
  const LabelSpec spec{.entries = {{"spleen", {2}}, {"background", {0}}, {"", {1}}}};
  EXPECT_EQ(names(spec), (Names{{1, ""}, {2, "spleen"}}));
}

// As in BraTS: each region holds the next, which overwrites it.
TEST(LabelNames, OfRegionsWhatIsLeft) {
  LabelSpec spec{.entries = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}, {"enhancing", {3}}},
                 .decision = LabelDecision::sigmoid,
                 .region_values = {1, 2, 3}};
  EXPECT_EQ(names(spec), (Names{{1, "whole without core"}, {2, "core without enhancing"}, {3, "enhancing"}}));
  spec.region_values = {4, 2, 7};
  EXPECT_EQ(names(spec), (Names{{2, "core without enhancing"}, {4, "whole without core"}, {7, "enhancing"}}));
}

TEST(LabelNames, RegionsOfOneValueAndApart) {
  const LabelSpec spec{
      .entries = {{"background", {0}}, {"all", {1, 2, 3}}, {"left", {1}}, {"right", {2}}, {"both", {3}}},
      .decision = LabelDecision::sigmoid,
      .region_values = {3, 1, 2, 3}};
  EXPECT_EQ(names(spec), (Names{{1, "left"}, {2, "right"}, {3, "all without left and right or both"}}));
}

}  // namespace
}  // namespace nnunet
