#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "nnunet/core/error.h"
#include "nnunet/train/optimizer.h"

namespace nnunet {
namespace {

/// A few parameters with gradients that are a formula of the step.
std::vector<torch::Tensor> make_parameters() {
  return {torch::linspace(-1, 1, 6).view({2, 3}).requires_grad_(), torch::ones({4}).requires_grad_()};
}

void take_step(Optimizer& optimizer, std::vector<torch::Tensor>& parameters, int step) {
  for (auto& parameter : parameters)
    parameter.mutable_grad() =
        torch::sin(torch::arange(parameter.numel(), torch::kFloat) + step).view(parameter.sizes());
  optimizer.step();
}

class AnyOptimizer : public testing::TestWithParam<std::string> {
 protected:
  OptimizerOptions options() const {
    OptimizerOptions o;
    o.name = GetParam();
    return o;
  }

  /// Another optimizer on copies of the parameters takes over after half of the steps.
  void expect_exact_continuation(const std::function<void(const Optimizer&, Optimizer&)>& hand_over) const {
    auto straight = make_parameters(), first = make_parameters();
    const auto reference = make_optimizer(options(), straight);
    const auto before = make_optimizer(options(), first);
    for (int step = 0; step < 14; ++step) take_step(*reference, straight, step);
    for (int step = 0; step < 7; ++step) take_step(*before, first, step);

    std::vector<torch::Tensor> second;
    for (const auto& parameter : first) second.push_back(parameter.detach().clone().requires_grad_());
    const auto after = make_optimizer(options(), second);
    hand_over(*before, *after);
    for (int step = 7; step < 14; ++step) take_step(*after, second, step);
    for (std::size_t i = 0; i < straight.size(); ++i) EXPECT_TRUE(torch::equal(straight[i], second[i]));
  }
};

TEST_P(AnyOptimizer, ContinuesExactlyFromItsState) {
  expect_exact_continuation([](const Optimizer& from, Optimizer& to) { to.load_state(from.state(), "test"); });
}

TEST_P(AnyOptimizer, StateCarriesTheLearningRate) {
  auto parameters = make_parameters();
  const auto from = make_optimizer(options(), parameters), to = make_optimizer(options(), parameters);
  from->set_learning_rate(0.25);
  to->load_state(from->state(), "test");
  EXPECT_EQ(to->learning_rate(), 0.25);
}

TEST_P(AnyOptimizer, RefusesTheStateOfAnotherNetworkOrOptimizer) {
  auto parameters = make_parameters();
  std::vector<torch::Tensor> others{torch::ones({3}).requires_grad_(), torch::ones({4}).requires_grad_()};
  const auto optimizer = make_optimizer(options(), parameters);
  EXPECT_THROW(optimizer->load_state(make_optimizer(options(), others)->state(), "test"), Error);
  EXPECT_THROW(optimizer->load_state(make_optimizer(options(), {others[0]})->state(), "test"), Error);
  OptimizerOptions another;
  another.name = GetParam() == "sgd" ? "radam" : "sgd";
  EXPECT_THROW(optimizer->load_state(make_optimizer(another, parameters)->state(), "test"), Error);
  EXPECT_THROW(optimizer->load_state(Value(), "test"), Error);
  EXPECT_THROW(optimizer->load_state(Value::Dict{{"name", GetParam()}}, "test"), Error);
}

TEST_P(AnyOptimizer, LeavesParametersWithoutGradientAlone) {
  auto parameters = make_parameters();
  const torch::Tensor before = parameters[1].detach().clone();
  const auto optimizer = make_optimizer(options(), parameters);
  parameters[0].mutable_grad() = torch::ones({2, 3});
  optimizer->step();
  EXPECT_TRUE(torch::equal(parameters[1], before));
  optimizer->zero_grad();
  EXPECT_FALSE(parameters[0].grad().defined());
  optimizer->step();  // nothing to do
}

INSTANTIATE_TEST_SUITE_P(All, AnyOptimizer,
                         testing::Values("radam", "adam", "sgd", "nesterov", "adamw_amsgrad", "adam_l2"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(AnyOptimizer, ContinuesExactlyFromItsParametersStates) {
  expect_exact_continuation(
      [](const Optimizer& from, Optimizer& to) { to.load_parameter_states(from.parameter_states(), "test"); });
}

/// As torch's, which have no entry for what never had a gradient.
TEST_P(AnyOptimizer, HasAStateOfTheParametersThatHadAGradient) {
  auto parameters = make_parameters();
  const auto optimizer = make_optimizer(options(), parameters);
  EXPECT_TRUE(optimizer->parameter_states().empty());
  parameters[1].mutable_grad() = torch::ones({4});
  optimizer->step();
  const auto states = optimizer->parameter_states();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].index, 1U);
  for (const auto& [name, tensor] : states[0].tensors)
    EXPECT_EQ(tensor.sizes().vec(), name == "step" ? std::vector<std::int64_t>{} : std::vector<std::int64_t>{4})
        << name;
  const auto other = make_optimizer(options(), make_parameters());
  other->load_state(optimizer->state(), "test");
  EXPECT_EQ(other->parameter_states().size(), 1U);

  std::vector<ParameterState> wrong = states;
  wrong[0].index = 0;
  EXPECT_THROW(other->load_parameter_states(wrong, "test"), Error);
  wrong[0].index = 2;
  EXPECT_THROW(other->load_parameter_states(wrong, "test"), Error);
  EXPECT_THROW(other->load_parameter_states({{1, {}}}, "test"), Error);
}

/// torch 2.13's SGD (nesterov, momentum 0.99), AdamW (amsgrad) and Adam, each with a weight decay of 0.1 and a rate of
/// 0.01: five steps from p = 1, 2, 3 along sin(i + step), in double precision.
TEST(Optimizer, TorchsOwnTrajectories) {
  const std::vector<std::pair<std::string, std::vector<double>>> expected{
      {"nesterov", {0.914547047604034, 1.903620926171613, 2.9453193665065083}},
      {"adamw_amsgrad", {0.9686707857914552, 1.9597837008958947, 2.973745482310088}},
      {"adam_l2", {0.9607835177123529, 1.9646185585515374, 2.975641108815466}}};
  for (const auto& [name, values] : expected)
    for (const auto type : {torch::kFloat, torch::kDouble}) {
      torch::Tensor p = torch::tensor({1.0, 2.0, 3.0}, type).requires_grad_();
      const auto optimizer = make_optimizer({.name = name, .learning_rate = 0.01, .weight_decay = 0.1}, {p});
      for (int step = 0; step < 5; ++step) {
        p.mutable_grad() = torch::sin(torch::arange(3, type) + step);
        optimizer->step();
      }
      for (std::size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(p[static_cast<std::int64_t>(i)].item<double>(), values[i], type == torch::kFloat ? 1e-6 : 1e-12)
            << name;
    }
}

/// One step of each by hand: RAdam and SGD start as p - lr * g (after the decay), AdamW as p - lr * sign(g).
TEST(Optimizer, FirstStepByHand) {
  for (const std::string name : {"radam", "adam", "sgd"}) {
    torch::Tensor parameter = torch::tensor({2.0f}).requires_grad_();
    OptimizerOptions options;
    options.name = name;
    options.learning_rate = 0.1;
    options.weight_decay = 0.5;
    const auto optimizer = make_optimizer(options, {parameter});
    parameter.mutable_grad() = torch::tensor({3.0f});
    optimizer->step();
    const double decayed = name == "sgd" ? 2.0 : 2.0 * (1 - 0.1 * 0.5);
    EXPECT_NEAR(parameter.item<double>(), name == "adam" ? decayed - 0.1 : decayed - 0.3, 1e-6) << name;
  }
}

TEST(Optimizer, KernelAndTorchsOperatorsAgreeWithDoublePrecisionWhateverTheLayout) {
  torch::manual_seed(2);
  constexpr int kSteps = 9;
  for (const std::string name : {"radam", "adam", "sgd", "nesterov", "adamw_amsgrad", "adam_l2"}) {
    OptimizerOptions options;
    options.name = name;
    options.weight_decay = 0.01;
    const torch::Tensor start = torch::randn({32, 17, 3, 3, 3});
    const auto empty = torch::empty(start.sizes(), torch::MemoryFormat::ChannelsLast3d);
    std::vector<torch::Tensor> fast{empty.copy_(start).requires_grad_()}, plain{start.clone().requires_grad_()},
        precise{start.to(torch::kDouble).requires_grad_()};
    const auto a = make_optimizer(options, fast), b = make_optimizer(options, plain),
               c = make_optimizer(options, precise);
    for (int step = 0; step < kSteps; ++step) {
      const torch::Tensor gradient = torch::randn(start.sizes());
      fast[0].mutable_grad() = torch::empty_like(fast[0]).copy_(gradient);
      plain[0].mutable_grad() = torch::randn({3, 3, 3, 17, 32}).permute({4, 3, 0, 1, 2}).copy_(gradient);  // no kernel
      precise[0].mutable_grad() = gradient.to(torch::kDouble);
      a->step();
      b->step();
      c->step();
    }
    // A step rounds a parameter twice, after the decay and after the update; the update itself is a thousandth.
    const double tolerance = 2 * kSteps * 0x1p-24 * precise[0].abs().max().item<double>();
    EXPECT_LT((fast[0] - precise[0]).abs().max().item<double>(), tolerance) << name;
    EXPECT_LT((plain[0] - precise[0]).abs().max().item<double>(), tolerance) << name;
  }
}

TEST(Optimizer, UnknownName) {
  EXPECT_THROW(make_optimizer({.name = "adagrad"}, make_parameters()), Error);
}

TEST(ClipGradients, ScalesToTheNormAndNeverUp) {
  auto parameters = make_parameters();
  parameters.push_back(torch::ones({2}).requires_grad_());  // without gradient
  parameters[0].mutable_grad() = torch::full({2, 3}, 2.0);
  parameters[1].mutable_grad() = torch::full({4}, 1.0);
  const double norm = std::sqrt(6 * 4.0 + 4);
  EXPECT_NEAR(clip_gradients(parameters, 100).item<double>(), norm, 1e-5);
  EXPECT_TRUE(torch::equal(parameters[0].grad(), torch::full({2, 3}, 2.0)));
  EXPECT_NEAR(clip_gradients(parameters, 0.5).item<double>(), norm, 1e-5);
  EXPECT_NEAR(parameters[0].grad()[0][0].item<double>(), 2 * 0.5 / (norm + 1e-6), 1e-6);
  EXPECT_NEAR(parameters[1].grad()[3].item<double>(), 0.5 / (norm + 1e-6), 1e-6);
  EXPECT_NEAR(clip_gradients(parameters, 0.5).item<double>(), 0.5, 1e-5);
}

TEST(ClipGradients, WithoutGradients) {
  EXPECT_EQ(clip_gradients(make_parameters(), 1).item<double>(), 0);
}

}  // namespace
}  // namespace nnunet
