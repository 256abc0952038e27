// Steps of trainings as nnU-Net v2's: several heads, several processes, both precisions.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "distributed/group.h"
#include "nnunet/core/error.h"
#include "nnunet/train/confusion.h"
#include "nnunet/train/training_recipe.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

NetworkPlan small_plan() {
  NetworkPlan plan;
  plan.n_class = 3;
  plan.filters = {8, 12, 16};
  plan.kernels.assign(3, {3, 3, 3});
  plan.strides = {{1, 1, 1}, {2, 2, 2}, {2, 2, 2}};
  plan.conv_bias = plan.deep_supervision = true;
  plan.decoder_kernel = DecoderKernel::own;
  plan.naming = Naming::nnunet_v2;
  return plan;
}

TrainingRecipe recipe_of(bool batch_dice, std::vector<double> weights = deep_supervision_weights(2)) {
  TrainingRecipe recipe;
  recipe.loss = {.head_weights = std::move(weights), .v2 = V2LossOptions{.batch_dice = batch_dice, .ignore_label = 3}};
  recipe.optimizer = {.name = "nesterov", .learning_rate = 0.01, .momentum = 0.99, .weight_decay = 3e-5};
  recipe.scheduler = {.name = "poly", .max_epochs = 10};
  return recipe;
}

/// Samples first to last of one and the same batch; labels 0 to 3.
Batch samples(std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kVoxels = 8 * 12 * 8;
  Batch batch;
  batch.image_shape = {last - first, 1, 8, 12, 8};
  batch.label_shape = {last - first, 8, 12, 8};
  const auto count = static_cast<std::size_t>((last - first) * kVoxels);
  batch.image.reset(new float[count], std::default_delete<float[]>());
  batch.label.reset(new std::uint8_t[count], std::default_delete<std::uint8_t[]>());
  for (std::size_t i = 0; i < count; ++i) {
    const auto n = static_cast<std::int64_t>(i) + first * kVoxels;
    batch.label.get()[i] = static_cast<std::uint8_t>(n / 7 % 5 % 4);
    batch.image.get()[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(n))) + batch.label.get()[i];
  }
  return batch;
}

struct Taken {
  double loss = 0;
  std::vector<torch::Tensor> gradients;  ///< undefined where there is none
};

UNet small_network() {
  UNet network(small_plan());
  network->initialize(3);
  return network;
}

/// The last of so many steps.
Taken steps(const TrainingRecipe& recipe, const StepOptions& options, const Batch& batch, const ProcessGroup& group,
            UNet network = small_network(), int count = 3) {
  network->place(torch::kCPU, torch::MemoryFormat::Contiguous);
  network->train();
  TrainingState state = first_state(recipe, network, Precision::fp32, torch::kCPU);
  TrainStep step(state, Loss(recipe.loss), options, torch::kCPU, group);
  Taken taken;
  for (int i = 0; i < count; ++i) taken.loss = step(batch).loss.item<double>();
  for (const auto& p : network->parameters())
    taken.gradients.push_back(p.grad().defined() ? p.grad().clone() : torch::Tensor());
  return taken;
}

double distance(const Taken& a, const Taken& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    EXPECT_EQ(a.gradients[i].defined(), b.gradients[i].defined()) << i;
    if (a.gradients[i].defined() && b.gradients[i].defined())
      largest = std::max(largest, (a.gradients[i] - b.gradients[i]).abs().max().item<double>());
  }
  return largest;
}

/// Batches of two and of one sample.
TEST(V2Step, TwoProcessesTakeTheStepOfOne) {
  for (const bool native : {true, false})
    for (const bool batch_dice : {false, true}) {
      SCOPED_TRACE(std::string(native ? "native" : "libtorch") + (batch_dice ? ", batch Dice" : ""));
      const TrainingRecipe recipe = recipe_of(batch_dice);
      const StepOptions options{.native = native, .gradient_clip_val = 12};
      const Taken one = steps(recipe, options, samples(0, 3), ProcessGroup());
      std::array<Taken, 2> two;
      test::in_group(2, [&](const ProcessGroup& group) {
        two[group.leads() ? 0 : 1] = steps(recipe, options, group.leads() ? samples(0, 2) : samples(2, 3), group);
      });
      for (const Taken& t : two) {
        EXPECT_NEAR(t.loss, one.loss, 1e-6);
        EXPECT_LT(distance(t, one), 1e-6);
      }
      std::int64_t untouched = 0;
      for (const auto& g : one.gradients) untouched += g.defined() ? 0 : 1;
      EXPECT_EQ(untouched, 2);  // weight and bias of the coarsest head
    }
}

/// Off the rectifiers' kinks, where a rounding would decide between two gradients.
TEST(V2Step, Bfloat16FollowsFloat32) {
  const ProcessGroup alone;
  const TrainingRecipe recipe = recipe_of(false, {0.6, 0.4});
  const auto first = [&](Precision precision) {
    UNet network = small_network();
    test::keep_off_kinks(*network);
    return steps(recipe, {.precision = precision, .native = true}, samples(0, 2), alone, network, 1);
  };
  const Taken full = first(Precision::fp32), half = first(Precision::bf16);
  EXPECT_NEAR(half.loss, full.loss, 0.02);
  double square = 0, difference = 0;
  for (std::size_t i = 0; i < full.gradients.size(); ++i) {
    square += full.gradients[i].square().sum().item<double>();
    difference += (full.gradients[i] - half.gradients[i]).square().sum().item<double>();
  }
  EXPECT_LT(std::sqrt(difference / square), 0.05);  // bf16 keeps 8 bits, a dozen layers each way round to them
}

TEST(V2Step, EvaluatesABatchAsItIs) {
  const ProcessGroup alone;
  const TrainingRecipe recipe = recipe_of(true, {0.6, 0.4});
  for (const bool native : {true, false}) {
    UNet network = small_network();
    TrainingState state = first_state(recipe, network, Precision::fp32, torch::kCPU);
    TrainStep step(state, Loss(recipe.loss), {.native = native}, torch::kCPU, alone);
    network->train();
    const Batch batch = samples(0, 2);
    const EvaluatedBatch evaluated = step.evaluate(batch);
    EXPECT_FALSE(evaluated.loss.requires_grad());
    EXPECT_NEAR(evaluated.loss.item<double>(), step(batch).loss.item<double>(), 1e-6);
    const Confusion c = count_confusion(evaluated.logits, evaluated.label, *recipe.loss.v2);
    const torch::Tensor truth = evaluated.label.flatten(), found = evaluated.logits.argmax(1).flatten();
    for (std::int64_t k = 1; k < 3; ++k)
      EXPECT_EQ(c.tp.at(static_cast<std::size_t>(k - 1)), ((truth == k) & (found == k)).sum().item<double>());
  }
}

TEST(V2Step, RefusesMoreHeadsThanTheNetworkHas) {
  const ProcessGroup alone;
  EXPECT_THROW(steps(recipe_of(false, {0.5, 0.3, 0.2}), {.native = true}, samples(0, 1), alone), Error);
}

}  // namespace
}  // namespace nnunet
