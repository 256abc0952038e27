#include <gtest/gtest.h>

#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/train/grad_scaler.h"
#include "nnunet/train/optimizer.h"

namespace nnunet {
namespace {

double scale_of(const GradScaler& scaler) {
  return scaler.scale(torch::ones({})).item<double>();
}

torch::Tensor flag(bool set) {
  return torch::full({}, set ? 1.0 : 0.0);
}

TEST(GradScaler, ScalesTheLossAndDividesTheGradients) {
  GradScaler scaler(true);
  torch::Tensor p = torch::tensor({1.0f, -2.0f}).requires_grad_(), other = torch::ones({3}).requires_grad_();
  scaler.scale((p * torch::tensor({3.0f, 0.1f})).sum()).backward();
  EXPECT_EQ(p.grad()[0].item<double>(), 3 * 65536.0);
  EXPECT_EQ(scaler.unscale({p, other}).item<double>(), 0);
  EXPECT_TRUE(torch::equal(p.grad(), torch::tensor({3.0f, 0.1f})));
  EXPECT_EQ(scaler.unscale({other}).item<double>(), 0);  // without gradients
}

TEST(GradScaler, FindsWhatIsNotFinite) {
  GradScaler scaler(true);
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    torch::Tensor p = torch::ones({4}).requires_grad_();
    p.mutable_grad() = torch::tensor({1.0f, bad, 2.0f, 3.0f});
    EXPECT_NE(scaler.unscale({p}).item<double>(), 0);
  }
}

/// The rule in plain numbers.
TEST(GradScaler, GrowsAndShrinksByItsRule) {
  GradScaler scaler(true);
  double scale = 65536;
  int good = 0;
  for (int step = 0; step < 7000; ++step) {
    const bool bad = step == 3 || step == 2500 || step == 2501 || step == 6600;
    scaler.update(flag(bad));
    if (bad) {
      scale /= 2;
      good = 0;
    } else if (++good == 2000) {
      scale *= 2;
      good = 0;
    }
    ASSERT_EQ(scale_of(scaler), scale) << "step " << step;
  }
}

TEST(GradScaler, ContinuesFromItsState) {
  GradScaler first(true), second(true);
  first.update(flag(true));
  for (int step = 0; step < 1500; ++step) first.update(flag(false));
  second.load_state(first.state(), "test");
  for (int step = 0; step < 499; ++step) second.update(flag(false));
  EXPECT_EQ(scale_of(second), 32768);
  second.update(flag(false));
  EXPECT_EQ(scale_of(second), 65536);
  EXPECT_THROW(second.load_state(Value(), "test"), Error);
}

TEST(GradScaler, DisabledOnlyFindsWhatIsNotFinite) {
  GradScaler scaler(false);
  torch::Tensor p = torch::ones({2}).requires_grad_();
  p.mutable_grad() = torch::full({2}, 5.0);
  EXPECT_EQ(scale_of(scaler), 1);
  EXPECT_EQ(scaler.unscale({p}).item<float>(), 0);
  scaler.update(flag(true));
  EXPECT_EQ(scale_of(scaler), 1);
  EXPECT_TRUE(torch::equal(p.grad(), torch::full({2}, 5.0)));
  p.mutable_grad()[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(scaler.unscale({p}).item<float>(), 0);
}

/// A step with Inf changes neither parameters nor moments nor the number of steps.
TEST(GradScaler, TheOptimizerSkipsBadSteps) {
  for (const std::string name : {"radam", "adam", "sgd"}) {
    torch::Tensor scaled = torch::ones({6}).requires_grad_(), plain = torch::ones({6}).requires_grad_();
    const auto with = make_optimizer({.name = name}, {scaled}), without = make_optimizer({.name = name}, {plain});
    GradScaler scaler(true);
    for (int step = 0; step < 12; ++step) {
      const bool bad = step % 3 == 1;
      const torch::Tensor gradient = torch::sin(torch::arange(6, torch::kFloat) + step);
      scaled.mutable_grad() = scaler.scale(gradient);
      if (bad) scaled.mutable_grad()[4] = std::numeric_limits<float>::infinity();
      const torch::Tensor found_inf = scaler.unscale({scaled});
      with->step(found_inf);
      scaler.update(found_inf);
      if (bad) continue;
      plain.mutable_grad() = gradient;
      without->step();
    }
    EXPECT_TRUE(torch::equal(scaled, plain)) << name;
    EXPECT_EQ(scale_of(scaler), 65536.0 / 16);
  }
}

}  // namespace
}  // namespace nnunet
