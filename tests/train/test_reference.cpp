#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>

#include "nnunet/network/native.h"
#include "nnunet/train/loss.h"
#include "nnunet/train/optimizer.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

/// The reference's losses, gradients and optimizers on one batch.
class Reference : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    reference_ = test::reference_networks().at(GetParam());
    images_ = test::reference_images(reference_);
    labels_ = test::reference_labels(reference_);
  }

  double number(const std::string& key) const { return reference_.at(key).get<double>(); }

  double largest_gradient_norm() const {
    double largest = 0;
    for (const auto& norm : reference_.at("grad_norms")) largest = std::max(largest, norm.get<double>());
    return largest;
  }

  /// tolerance(step, expected): for the loss after so many steps.
  template <class Loss, class Tolerance>
  void check_trajectory(const UNet& network, const std::string& optimizer_name, const Loss& loss_of,
                        const Tolerance& tolerance) const {
    OptimizerOptions options;
    options.name = optimizer_name;
    const auto optimizer = make_optimizer(options, network->parameters());
    int step = 0;
    for (const auto& wanted : reference_.at("loss_trajectory_" + optimizer_name)) {
      optimizer->zero_grad();
      const torch::Tensor loss = loss_of();
      const auto expected = wanted.get<double>();
      EXPECT_NEAR(loss.item<double>(), expected, tolerance(step, expected)) << "after " << step << " steps";
      loss.backward();
      optimizer->step();
      ++step;
    }
  }

  Json reference_;
  torch::Tensor images_, labels_;
};

/// By torch's operators in double precision: nothing here hangs on a processor.
class InDouble : public Reference {
 protected:
  UNet network() const { return test::precise_copy(test::reference_network(reference_)); }

  /// There are no fast convolutions in double precision: a step of the large networks takes ten seconds on two cores.
  void check(const std::string& optimizer) const {
    if (reference_.at("n_parameters") > 5e6 && std::getenv("NNUNET_SLOW_TESTS") == nullptr)
      GTEST_SKIP() << "of this size only in the slow tests (NNUNET_SLOW_TESTS=1)";
    UNet trained = network();
    const torch::Tensor images = images_.to(torch::kDouble);
    const double rounding = optimizer == "radam" ? rounding_of_a_step(trained) : 0;
    check_trajectory(
        trained, optimizer, [&] { return plain_dice_ce_loss(trained->forward(images), labels_); },
        [&](int step, double expected) { return test::precise_tolerance(expected) + step * rounding; });
  }

  /// The reference's RAdam (torch_optimizer) takes its steps in float32 whatever the weights are. Rounding them moves
  /// the loss by that times the gradient, and from step to step in the same direction, as the steps are alike.
  double rounding_of_a_step(const UNet& network) const {
    double weight = 0, gradient = 0;
    for (const auto& p : network->parameters()) weight = std::max(weight, p.abs().max().item<double>());
    for (const auto& norm : reference_.at("grad_norms")) gradient = std::hypot(gradient, norm.get<double>());
    return 0x1p-24 * weight * gradient;
  }
};

TEST_P(InDouble, LossesAndGradientNorms) {
  UNet trained = network();
  const torch::Tensor logits = trained->forward(images_.to(torch::kDouble));
  const torch::Tensor loss = plain_dice_ce_loss(logits, labels_);
  const double expected = number("loss_dice_ce"), focal = number("loss_dice_focal");
  EXPECT_NEAR(loss.item<double>(), expected, test::precise_tolerance(expected));
  EXPECT_NEAR(plain_dice_ce_loss(logits, labels_, true).item<double>(), focal, test::precise_tolerance(focal));
  loss.backward();
  const auto parameters = trained->named_parameters();
  const double largest = largest_gradient_norm();
  for (const auto& item : reference_.at("grad_norms").items()) {
    const auto norm = item.value().get<double>();
    EXPECT_NEAR(parameters[item.key()].grad().norm().item<double>(), norm, test::precise_tolerance(norm, largest))
        << item.key();
  }
}

TEST_P(InDouble, RAdam) {
  check("radam");
}
TEST_P(InDouble, AdamW) {
  check("adam");
}
TEST_P(InDouble, Sgd) {
  check("sgd");
}

INSTANTIATE_TEST_SUITE_P(All, InDouble, testing::ValuesIn(test::kReferenceNetworks),
                         [](const auto& parameter) { return parameter.param; });

const std::vector<std::string> kWays{"torch's operators", "our kernels", "our kernels, channels last", "native engine"};

/// A network in float32, computed in one of kWays, with our loss.
class Trained {
 public:
  Trained(UNet network, const std::string& way) : network_(std::move(network)) {
    network_->use_fused_kernels(way != "torch's operators");
    if (way == "our kernels, channels last") network_->place(torch::kCPU);
    if (way == "native engine") native_.emplace(network_);
  }

  torch::Tensor forward(const torch::Tensor& images) {
    return native_ ? native_->forward(images, false) : network_->forward(images);
  }
  const UNet& network() const { return network_; }

 private:
  UNet network_;
  std::optional<NativeForward> native_;
};

class InFloat32 : public Reference {
 protected:
  Trained trained(const std::string& way) const { return {test::reference_network(reference_), way}; }
};

TEST_P(InFloat32, LossesAndGradientNorms) {
  for (const std::string& way : kWays) {
    SCOPED_TRACE(way);
    Trained t = trained(way);
    const torch::Tensor logits = t.forward(images_), loss = dice_ce_loss(logits, labels_);
    EXPECT_NEAR(loss.item<double>(), number("loss_dice_ce"), test::kFloat32Loss);
    EXPECT_NEAR(dice_ce_loss(logits, labels_, true).item<double>(), number("loss_dice_focal"), test::kFloat32Loss);
    loss.backward();
    const auto parameters = t.network()->named_parameters();
    const double tolerance = test::kFloat32GradientNorm * largest_gradient_norm();
    for (const auto& item : reference_.at("grad_norms").items())
      EXPECT_NEAR(parameters[item.key()].grad().norm().item<double>(), item.value().get<double>(), tolerance)
          << item.key();
  }
}

/// AdamW divides by the size of each gradient, also of those that are nothing but rounding, so that float32 has no
/// trajectory of its own there; in RAdam's twelve steps that division has a weight of 6 % at most.
TEST_P(InFloat32, Trajectories) {
  for (const auto& [way, optimizer] : {std::pair(kWays[3], "radam"), std::pair(kWays[2], "sgd")}) {
    SCOPED_TRACE(way);
    Trained t = trained(way);
    check_trajectory(
        t.network(), optimizer, [&] { return dice_ce_loss(t.forward(images_), labels_); },
        [](int, double) { return test::kFloat32Loss; });
  }
}

INSTANTIATE_TEST_SUITE_P(All, InFloat32, testing::ValuesIn(test::kReferenceNetworks),
                         [](const auto& parameter) { return parameter.param; });

/// Where no rounding decides at LeakyReLU's kinks every gradient, not its norm alone, is held against double precision.
TEST(GradientsInFloat32, AreExactOffTheKinks) {
  for (const Norm norm : {Norm::instance, Norm::batch, Norm::group}) {
    NetworkOptions options;
    options.norm = norm;
    options.filters = {32, 64, 64};
    options.depth = 2;
    options.residual = norm == Norm::instance;
    const NetworkPlan plan = make_network_plan({16, 16, 16}, {1, 1, 1}, 1, 3, options);
    UNet start(plan);
    start->initialize(3);
    test::keep_off_kinks(*start);
    UNet precise = test::precise_copy(start);
    torch::manual_seed(3);
    const torch::Tensor images = torch::randn({2, 1, 16, 16, 16});
    const torch::Tensor labels = torch::randint(0, 3, {2, 16, 16, 16}).to(torch::kByte);
    plain_dice_ce_loss(precise->forward(images.to(torch::kDouble)), labels).backward();
    for (const std::string& way : kWays) {
      UNet network(plan);
      load_state_dict(*network, state_dict(*start), "test");
      Trained t(network, way);
      dice_ce_loss(t.forward(images), labels).backward();
      EXPECT_LT(test::gradient_error(*t.network(), *precise), test::kFloat32GradientOffKinks) << way;
    }
  }
}

}  // namespace
}  // namespace nnunet
