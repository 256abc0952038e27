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

/// The fast version beside the plain one, with its gradient.
void compare(const torch::Tensor& logits, const torch::Tensor& label, bool focal) {
  const torch::Tensor fast = logits.detach().requires_grad_();
  const torch::Tensor plain = logits.detach().to(torch::kDouble).requires_grad_();
  const torch::Tensor a = dice_ce_loss(fast, label, focal);
  const torch::Tensor b = plain_dice_ce_loss(plain, label, focal);
  (a * 3).backward();
  (b * 3).backward();
  EXPECT_NEAR(a.item<double>(), b.item<double>(), 1e-5);
  EXPECT_EQ(fast.grad().scalar_type(), logits.scalar_type());
  const double scale = plain.grad().abs().max().item<double>();
  const double tolerance = logits.scalar_type() == torch::kFloat ? 1e-5 : 5e-3;
  EXPECT_LT((fast.grad().to(torch::kDouble) - plain.grad()).abs().max().item<double>(), tolerance * scale)
      << logits.sizes() << " " << logits.scalar_type() << " focal " << focal;
}

TEST(Loss, FastVersionAgreesWithThePlainOne) {
  torch::manual_seed(3);
  const std::vector<std::vector<std::int64_t>> shapes{{2, 3, 9, 10, 11}, {1, 2, 65},   {1, 105, 5, 7, 3},
                                                      {3, 5, 33, 17},    {1, 4, 1, 1}, {2, 3, 24, 25, 26}};
  for (const auto& shape : shapes) {
    std::vector<std::int64_t> label_shape = shape;
    label_shape.erase(label_shape.begin() + 1);
    const torch::Tensor label = torch::randint(0, shape[1], label_shape).to(torch::kByte);
    for (const auto type : {torch::kFloat, torch::kBFloat16}) {
      for (const bool focal : {false, true}) {
        const torch::Tensor logits = (torch::randn(shape) * 4).to(type);
        compare(logits, label, focal);
        if (shape.size() == 5) compare(logits.contiguous(torch::MemoryFormat::ChannelsLast3d), label, focal);
        if (shape.size() == 4) compare(logits.contiguous(torch::MemoryFormat::ChannelsLast), label, focal);
      }
    }
  }
}

TEST(Loss, OnAGpuAgreesWithTheCpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU";
  torch::manual_seed(3);
  for (const std::int64_t classes : {3, 8, 105})
    for (const bool focal : {false, true})
      for (const bool last : {false, true}) {
        torch::Tensor logits = torch::randn({2, classes, 9, 10, 11}) * 4;
        if (last) logits = logits.contiguous(torch::MemoryFormat::ChannelsLast3d);
        const torch::Tensor label = torch::randint(0, classes, {2, 9, 10, 11}).to(torch::kByte);
        const torch::Tensor cpu = logits.clone().requires_grad_(), gpu = logits.cuda().requires_grad_();
        const torch::Tensor a = dice_ce_loss(cpu, label, focal), b = dice_ce_loss(gpu, label.cuda(), focal);
        a.backward();
        b.backward();
        EXPECT_NEAR(a.item<double>(), b.item<double>(), 1e-5);
        const double scale = cpu.grad().abs().max().item<double>();
        EXPECT_LT((gpu.grad().cpu() - cpu.grad()).abs().max().item<double>(), 1e-5 * scale);
      }
  const torch::Tensor label = torch::full({1, 4, 4}, 3, torch::kByte).cuda();
  EXPECT_TRUE(std::isnan(dice_ce_loss(torch::zeros({1, 3, 4, 4}).cuda(), label).item<double>()));
}

TEST(Loss, TakesLogitsThatAreNotContiguous) {
  torch::manual_seed(4);
  const torch::Tensor logits = torch::randn({2, 6, 8, 20});
  const torch::Tensor label = torch::randint(0, 3, {2, 8, 20}).to(torch::kByte).slice(2, 0, 20, 2);
  compare(logits.slice(1, 1, 4).slice(3, 0, 20, 2), label, false);
}

TEST(Loss, LargeLogitsStayFinite) {
  torch::Tensor logits = torch::zeros({1, 3, 4, 4});
  logits.select(1, 2).fill_(1e4f);
  logits.requires_grad_();
  const torch::Tensor loss = dice_ce_loss(logits, torch::zeros({1, 4, 4}, torch::kByte));
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), 1e4 + 1 - 0.5, 1);
  EXPECT_TRUE(logits.grad().isfinite().all().item<bool>());
  EXPECT_TRUE(std::isnan(dice_ce_loss(logits * std::nan(""), torch::zeros({1, 4, 4}, torch::kByte)).item<double>()));
}

TEST(Loss, RefusesLabelsThatAreNoClass) {
  const torch::Tensor label = torch::full({1, 4, 4}, 3, torch::kByte);
  EXPECT_THROW(dice_ce_loss(torch::zeros({1, 3, 4, 4}), label), Error);
}

}  // namespace
}  // namespace nnunet
