#include <gtest/gtest.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/train/loss.h"

namespace nnunet {
namespace {

/// Four voxels, three classes, two samples of two: by hand.
struct Example {
  torch::Tensor logits =
      torch::tensor({0.5, -1.0, 2.0, 0.0, 1.0, 0.25, -0.5, 1.5, 0.75, -2.0, 0.0, 1.0}).view({2, 3, 2});
  torch::Tensor label = torch::tensor({0, 2, 1, 1}, torch::kByte).view({2, 2});
};

double by_hand(const Example& e, bool focal) {
  double both[3] = {}, sizes[3] = {}, voxelwise = 0;
  for (int n = 0; n < 2; ++n)
    for (int v = 0; v < 2; ++v) {
      double p[3], sum = 0;
      for (int k = 0; k < 3; ++k) sum += p[k] = std::exp(e.logits[n][k][v].item<double>());
      const int truth = e.label[n][v].item<int>();
      for (int k = 0; k < 3; ++k) {
        p[k] /= sum;
        sizes[k] += p[k] + (k == truth ? 1 : 0);
      }
      both[truth] += p[truth];
      voxelwise -= (focal ? (1 - p[truth]) * (1 - p[truth]) : 1) * std::log(p[truth]);
    }
  double dice = 0;
  for (int k = 1; k < 3; ++k) dice += 1 - (2 * both[k] + 1e-5) / (sizes[k] + 1e-5);
  return dice / 2 + voxelwise / 4;
}

TEST(Loss, AgreesWithItsDefinition) {
  const Example e;
  const torch::Tensor logits = e.logits.to(torch::kFloat);
  EXPECT_NEAR(dice_ce_loss(logits, e.label).item<double>(), by_hand(e, false), 1e-6);
  EXPECT_NEAR(dice_ce_loss(logits, e.label, true).item<double>(), by_hand(e, true), 1e-6);
  EXPECT_NEAR(dice_ce_loss(logits, e.label.to(torch::kLong)).item<double>(), by_hand(e, false), 1e-6);
}

TEST(Loss, AClassAbsentFromBothCostsAlmostNothing) {
  torch::Tensor logits = torch::zeros({1, 2, 8});
  logits.select(1, 0).fill_(60);
  EXPECT_NEAR(dice_ce_loss(logits, torch::zeros({1, 8}, torch::kByte)).item<double>(), 0, 1e-5);
}

TEST(Loss, IsComputedInFloat32) {
  const Example e;
  const torch::Tensor logits = e.logits.to(torch::kBFloat16);  // representable exactly
  const torch::Tensor loss = dice_ce_loss(logits, e.label);
  EXPECT_EQ(loss.scalar_type(), torch::kFloat);
  EXPECT_NEAR(loss.item<double>(), by_hand(e, false), 1e-6);
}

TEST(Loss, GradientAgreesWithDifferences) {
  for (const bool focal : {false, true}) {
    const Example e;
    torch::Tensor logits = e.logits.to(torch::kFloat).requires_grad_();
    dice_ce_loss(logits, e.label, focal).backward();
    Example up, down;
    up.logits = e.logits.to(torch::kDouble).clone();
    down.logits = up.logits.clone();
    up.logits[1][2][0] += 1e-4;
    down.logits[1][2][0] -= 1e-4;
    EXPECT_NEAR(logits.grad()[1][2][0].item<double>(), (by_hand(up, focal) - by_hand(down, focal)) / 2e-4, 1e-5);
  }
}

TEST(Loss, RefusesLabelsOfAnotherShape) {
  EXPECT_THROW(dice_ce_loss(torch::zeros({2, 3, 4, 4}), torch::zeros({2, 4, 5}, torch::kByte)), Error);
  EXPECT_THROW(dice_ce_loss(torch::zeros({2, 3, 4, 4}), torch::zeros({1, 4, 4}, torch::kByte)), Error);
  EXPECT_THROW(dice_ce_loss(torch::zeros({2, 3, 4, 4}), torch::zeros({2, 1, 4, 4}, torch::kByte)), Error);
  EXPECT_THROW(dice_ce_loss(torch::zeros({2, 1, 4, 4}), torch::zeros({2, 4, 4}, torch::kByte)), Error);
}

}  // namespace
}  // namespace nnunet
