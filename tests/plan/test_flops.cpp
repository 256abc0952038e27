#include <gtest/gtest.h>

#include "nnunet/plan/flops.h"

namespace nnunet {
namespace {

NetworkPlan two_levels() {
  NetworkPlan plan;
  plan.dim = 3;
  plan.in_channels = 2;
  plan.n_class = 5;
  plan.kernels = {{3, 3, 3}, {3, 3, 3}};
  plan.strides = {{1, 1, 1}, {2, 2, 2}};
  plan.filters = {4, 6};
  return plan;
}

// On 8 x 8 x 8 voxels, 4 x 4 x 4 below.
constexpr double kTop = 512, kBottom = 64;
constexpr double kFirst = 2 * 27 * 2 * 4 * kTop;      // 2 -> 4
constexpr double kRest = 2 * (27 * 4 * 4 * kTop       // 4 -> 4
                              + 27 * 4 * 6 * kBottom  // 4 -> 6, stride 2
                              + 27 * 6 * 6 * kBottom  // 6 -> 6
                              + 8 * 6 * 4 * kBottom   // transposed 6 -> 4: a 2x2x2 block a voxel below
                              + 27 * 8 * 4 * kTop     // 8 -> 4
                              + 27 * 4 * 4 * kTop     // 4 -> 4
                              + 4 * 5 * kTop);        // classes

TEST(CountFlops, TwoLevelsByHand) {
  const auto flops = count_flops(two_levels(), {8, 8, 8});
  EXPECT_DOUBLE_EQ(flops.forward, kFirst + kRest);
  EXPECT_DOUBLE_EQ(flops.training_step, 2 * kFirst + 3 * kRest);
}

TEST(CountFlops, ResidualShortcutsHaveConvolutionsWhereTheShapeChanges) {
  NetworkPlan plan = two_levels();
  plan.residual = true;
  const double below = 2 * 27 * 4 * 6 * kBottom;
  const auto flops = count_flops(plan, {8, 8, 8});
  EXPECT_DOUBLE_EQ(flops.forward, 2 * kFirst + kRest + below);
  EXPECT_DOUBLE_EQ(flops.training_step, 4 * kFirst + 3 * (kRest + below));

  plan.in_channels = 4;  // the first shortcut is the input itself
  EXPECT_DOUBLE_EQ(count_flops(plan, {8, 8, 8}).forward, 2 * kFirst + kRest + below);
}

TEST(CountFlops, FlatKernelsAndStridesInTwoDimensions) {
  NetworkPlan plan;
  plan.dim = 2;
  plan.in_channels = 1;
  plan.n_class = 2;
  plan.kernels = {{1, 3}, {3, 3}};
  plan.strides = {{1, 1}, {1, 2}};
  plan.filters = {2, 3};
  const double top = 4 * 8, bottom = 4 * 4;
  const double first = 2 * 3 * 1 * 2 * top;
  const double rest = 2 * (3 * 2 * 2 * top + 9 * 2 * 3 * bottom + 9 * 3 * 3 * bottom + 2 * 3 * 2 * bottom +
                           9 * 4 * 2 * top + 9 * 2 * 2 * top + 2 * 2 * top);
  const auto flops = count_flops(plan, {4, 8});
  EXPECT_DOUBLE_EQ(flops.forward, first + rest);
  EXPECT_DOUBLE_EQ(flops.training_step, 2 * first + 3 * rest);
}

}  // namespace
}  // namespace nnunet
