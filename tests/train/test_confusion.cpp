#include <gtest/gtest.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/train/confusion.h"

namespace nnunet {
namespace {

using Numbers = std::vector<double>;

/// Logits that make these classes the largest.
torch::Tensor logits_of(const torch::Tensor& classes, std::int64_t count) {
  std::vector<torch::Tensor> each;
  for (std::int64_t k = 0; k < count; ++k) each.push_back((classes == k).to(torch::kFloat));
  return torch::stack(each, 1);
}

TEST(Confusion, OfClassesByHand) {
  const torch::Tensor found = torch::tensor({0, 1, 1, 2, 2, 0, 1, 2}).view({2, 2, 2});
  const torch::Tensor truth = torch::tensor({0, 1, 2, 2, 1, 1, 3, 3}, torch::kByte).view({2, 2, 2});
  Confusion c = count_confusion(logits_of(found, 3), truth, {.ignore_label = 3});
  EXPECT_EQ(c.tp, (Numbers{1, 1}));
  EXPECT_EQ(c.fp, (Numbers{1, 1}));
  EXPECT_EQ(c.fn, (Numbers{2, 1}));
  c += c;
  EXPECT_EQ(c.fn, (Numbers{4, 2}));
  EXPECT_EQ(c.dice(), (Numbers{4.0 / 10, 4.0 / 8}));
  EXPECT_THROW(count_confusion(logits_of(found, 3), truth, {}), Error);
}

TEST(Confusion, OfRegionsByHand) {
  const torch::Tensor truth = torch::tensor({0, 1, 2, 3}, torch::kByte).view({1, 2, 2});
  const torch::Tensor logits = torch::tensor({1.0f, 1.0f, -1.0f, 1.0f, 0.0f, -1.0f, 1.0f, 1.0f}).view({1, 2, 2, 2});
  const V2LossOptions options{.ignore_label = 3, .regions = {{false, true, true}, {false, false, true}}};
  const Confusion c = count_confusion(logits, truth, options);
  EXPECT_EQ(c.tp, (Numbers{1, 1}));
  EXPECT_EQ(c.fp, (Numbers{1, 0}));
  EXPECT_EQ(c.fn, (Numbers{1, 0}));
}

TEST(Confusion, AnAbsentClassHasNoDice) {
  const torch::Tensor zeros = torch::zeros({1, 4, 4}, torch::kLong);
  Confusion sum;
  sum += count_confusion(logits_of(zeros, 2), zeros, {});
  EXPECT_TRUE(std::isnan(sum.dice().at(0)));
}

}  // namespace
}  // namespace nnunet
