// nnU-Net v2's losses, gradients and its SGD on one batch (reference-v2/run/networks.json, made in double precision).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <tuple>

#include "nnunet/train/training_recipe.h"
#include "reference/v2_networks.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

/// networks.json's tolerance for a trajectory in float32.
constexpr double kFloat32Trajectory = 1e-4;
/// nnU-Net adds up its Dice in float32 whatever the logits are (MemoryEfficientSoftDiceLoss), and binary cross entropy
/// likewise: what the file says of these is rounded a few times at 2^-24 of parts that are 2 in all.
constexpr double kItsOwnRounding = 0x1p-22;

/// A network of the file, what it is trained with, and the numbers.
struct Example {
  explicit Example(const std::string& name)
      : reference(test::v2_networks().at(name)), images(test::v2_images(reference)), label(test::v2_labels(reference)) {
    const Json &regions = reference.at("regions"), &ignore = reference.at("ignore_label");
    const auto values = reference.at("n_labels_in_formula").get<std::size_t>() - (ignore.is_null() ? 0 : 1);
    if (!ignore.is_null()) loss.ignore_label = ignore.get<int>();
    if (!regions.is_null())
      for (const Json& region : regions) {
        auto& row = loss.regions.emplace_back(values, false);
        for (const Json& l : region.is_array() ? region : Json::array({region})) row[l.get<std::size_t>()] = true;
      }
    loss.batch_dice = reference.at("loss_used").get<std::string>().ends_with("True");
    if (reference.at("deep_supervision").get<bool>())
      head_weights = deep_supervision_weights(reference.at("outputs").size());
  }

  Loss loss_of(const V2LossOptions& options) const { return Loss({.head_weights = head_weights, .v2 = options}); }

  double largest_gradient() const {
    double largest = 0;
    for (const Json& norm : reference.at("grad_norms"))
      if (!norm.is_null()) largest = std::max(largest, norm.get<double>());
    return largest;
  }

  const Json& reference;
  torch::Tensor images, label;
  V2LossOptions loss;
  std::vector<double> head_weights = {1};
};

/// A loss by the name that the file gives it: "dc_ce_nosmooth_batchdice_True", "topk10_ls01".
V2LossOptions named(V2LossOptions options, const std::string& name) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  options.batch_dice = name.ends_with("True");
  if (has("nosmooth")) options.smooth = 0;
  if (has("topk10")) options.top_k = 10;
  if (has("ls01")) options.label_smoothing = 0.1;
  if (!has("dice")) options.dice_weight = 0;
  if (name.starts_with("dice")) options.voxel_weight = 0;
  return options;
}

double norm_of(const torch::Tensor& t) {
  return t.norm().item<double>();
}

double total_norm(const UNetImpl& network) {
  double square = 0;
  for (const auto& p : network.parameters())
    if (p.grad().defined()) square += std::pow(norm_of(p.grad()), 2);
  return std::sqrt(square);
}

/// Every parameter's gradient; none where the file has none.
void expect_gradients(const UNetImpl& network, const Json& norms, const std::function<double(double)>& tolerance) {
  const auto parameters = network.named_parameters();
  for (const auto& item : norms.items()) {
    const torch::Tensor gradient = parameters[item.key()].grad();
    ASSERT_EQ(gradient.defined(), !item.value().is_null()) << item.key();
    if (!gradient.defined()) continue;
    const auto expected = item.value().get<double>();
    EXPECT_NEAR(norm_of(gradient), expected, tolerance(expected)) << item.key();
  }
}

class V2Training : public testing::TestWithParam<std::string> {
 protected:
  const OptimizerOptions sgd{.name = "nesterov", .learning_rate = 0.01, .momentum = 0.99, .weight_decay = 3e-5};
  const SchedulerOptions poly{.name = "poly", .max_epochs = 10};
};

/// By torch's operators in double precision.
TEST_P(V2Training, InDouble) {
  const Example e(GetParam());
  UNet network = test::precise_copy(test::v2_network(e.reference));
  const torch::Tensor images = e.images.to(torch::kDouble);
  {
    const torch::NoGradGuard no_grad;
    UNet untouched = test::precise_copy(network);  // a forward moves batch norm's statistics
    const auto heads = untouched->forward_heads(images);
    std::vector<torch::Tensor> used(heads.begin(), heads.begin() + std::ssize(e.head_weights));
    for (const auto& item : e.reference.at("losses").items()) {
      const auto expected = item.value().get<double>();
      const bool rounded = item.key().starts_with("d");  // dc_ce, dice, dc_bce, ...; not ce, topk10
      const Loss loss = e.loss_of(named(e.loss, item.key()));
      EXPECT_NEAR(loss(used, e.label).item<double>(), expected,
                  rounded ? kItsOwnRounding : test::precise_tolerance(expected))
          << item.key();
    }
  }
  const auto optimizer = make_optimizer(sgd, network->parameters());
  const auto scheduler = make_scheduler(poly, sgd.learning_rate);
  const Loss loss = e.loss_of(e.loss);
  const Json& trajectory = e.reference.at("sgd_poly");
  // There are no fast convolutions in double precision: in 3D two steps, in the slow tests all.
  const bool all = network->plan().dim == 2 || std::getenv("NNUNET_SLOW_TESTS") != nullptr;
  const std::size_t steps = all ? trajectory.at("loss").size() : 2;
  for (std::size_t step = 0; step < steps; ++step) {
    optimizer->set_learning_rate(scheduler->learning_rate());
    EXPECT_NEAR(optimizer->learning_rate(), trajectory.at("lr")[step].get<double>(), 1e-16);
    optimizer->zero_grad();
    const torch::Tensor value = loss(network->forward_heads(images, loss.heads()), e.label);
    const auto expected = trajectory.at("loss")[step].get<double>();
    EXPECT_NEAR(value.item<double>(), expected, kItsOwnRounding) << "after " << step << " steps";
    value.backward();
    if (step == 0)
      expect_gradients(*network, e.reference.at("grad_norms"),
                       [&](double) { return kItsOwnRounding * e.largest_gradient(); });
    const double norm = clip_gradients(network->parameters(), 12).item<double>();
    const auto expected_norm = trajectory.at("grad_norm_before_clipping")[step].get<double>();
    EXPECT_NEAR(norm, expected_norm, kItsOwnRounding * expected_norm) << "after " << step << " steps";
    optimizer->step();
    scheduler->step(std::nan(""));
  }
  const torch::NoGradGuard no_grad;
  network->eval();
  if (!all || !e.reference.contains("eval_outputs_after_trajectory")) return;
  const auto heads = network->forward_heads(images);
  for (std::size_t i = 0; i < heads.size(); ++i)
    test::expect_samples(heads[i], e.reference.at("eval_outputs_after_trajectory")[i], kItsOwnRounding);
}

/// The formulas in double precision throughout, by a program of its own (PyTorch, the same networks in double).
TEST(V2Losses, InDoubleThroughout) {
  const torch::NoGradGuard no_grad;
  const std::vector<std::tuple<std::string, bool, double>> expected{
      {"plain_2d_regions_ignore", false, 0.930454208926340},
      {"plain_2d_regions_ignore", true, 0.930427094260450},
      {"plain_3d_regions", false, 0.260856115206162},
      {"plain_3d_regions", true, 0.260854781631166},
      {"plain_2d", false, 1.158780231650581},
      {"plain_2d", true, 1.158603791130211},
      {"plain_3d_ignore", false, 0.788532598430241},
      {"plain_3d_ignore", true, 0.788532814563180}};
  for (const auto& [name, batch_dice, value] : expected) {
    Example e(name);
    e.loss.batch_dice = batch_dice;
    UNet network = test::precise_copy(test::v2_network(e.reference));
    const Loss loss = e.loss_of(e.loss);
    const auto heads = network->forward_heads(e.images.to(torch::kDouble), loss.heads());
    EXPECT_NEAR(loss(heads, e.label).item<double>(), value, 1e-13) << name;
  }
}

Batch batch_of(const torch::Tensor& images, const torch::Tensor& label) {
  Batch batch;
  batch.image_shape = images.sizes().vec();
  batch.label_shape = label.sizes().vec();
  const auto voxels = static_cast<std::size_t>(label.numel()), values = static_cast<std::size_t>(images.numel());
  batch.image.reset(new float[values], std::default_delete<float[]>());
  batch.label.reset(new std::uint8_t[voxels], std::default_delete<std::uint8_t[]>());
  std::copy_n(images.const_data_ptr<float>(), values, batch.image.get());
  std::copy_n(label.const_data_ptr<std::uint8_t>(), voxels, batch.label.get());
  return batch;
}

/// The step that trains, by our own kernels and by libtorch with our fused operators.
TEST_P(V2Training, InFloat32) {
  const Example e(GetParam());
  const ProcessGroup alone;
  for (const bool native : {true, false}) {
    SCOPED_TRACE(native ? "native" : "libtorch");
    TrainingRecipe recipe;
    recipe.loss = {.head_weights = e.head_weights, .v2 = e.loss};
    recipe.optimizer = sgd;
    recipe.scheduler = poly;
    TrainingState state = first_state(recipe, test::v2_network(e.reference), Precision::fp32, torch::kCPU);
    if (!native) state.network->place(torch::kCPU);
    TrainStep step(state, Loss(recipe.loss), {.native = native, .gradient_clip_val = 12}, torch::kCPU, alone);
    const Batch batch = batch_of(e.images, e.label);
    const Json& trajectory = e.reference.at("sgd_poly");
    std::vector<torch::Tensor> before;
    for (const auto& p : state.network->parameters()) before.push_back(p.detach().clone());
    for (std::size_t i = 0; i < trajectory.at("loss").size(); ++i) {
      const double expected = trajectory.at("loss")[i].get<double>();
      const StepResult result = step(batch);
      EXPECT_NEAR(result.loss.item<double>(), expected, i == 0 ? test::kFloat32Loss : kFloat32Trajectory)
          << "after " << i << " steps";
      const auto norm = trajectory.at("grad_norm_before_clipping")[i].get<double>();
      EXPECT_NEAR(total_norm(*state.network), norm, test::kFloat32GradientNorm * norm) << "after " << i << " steps";
      const double tolerance = test::kFloat32GradientNorm * e.largest_gradient();
      if (i == 0) expect_gradients(*state.network, e.reference.at("grad_norms"), [&](double) { return tolerance; });
      state.optimizer->set_learning_rate(state.scheduler->step(std::nan("")));
    }
    // Weight decay moves none of the parameters that nothing flows back into, and the optimizer knows nothing of them.
    std::size_t moved = 0;
    const auto parameters = state.network->named_parameters();
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool trained = !e.reference.at("grad_norms").at(parameters[i].key()).is_null();
      EXPECT_EQ(!torch::equal(before[i], parameters[i].value()), trained) << parameters[i].key();
      moved += trained ? 1 : 0;
    }
    EXPECT_EQ(state.optimizer->parameter_states().size(), moved);
    if (!e.reference.contains("eval_outputs_after_trajectory")) continue;
    const EvaluatedBatch evaluated = step.evaluate(batch);
    test::expect_samples(evaluated.logits, e.reference.at("eval_outputs_after_trajectory")[0], 1e-3);
    EXPECT_TRUE(state.network->is_training());
  }
}

INSTANTIATE_TEST_SUITE_P(All, V2Training, testing::ValuesIn(test::kV2Networks),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace nnunet
