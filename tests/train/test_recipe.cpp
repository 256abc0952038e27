#include <gtest/gtest.h>

#include "nnunet/core/error.h"
#include "tiny_training.h"

namespace nnunet {
namespace {

// What the contract says of the defaults.
TEST(ReferenceRecipe, IsTheContract) {
  DataConfig config;
  config.patch_size = {8, 16, 16};
  const TrainOptions options = with_defaults(TrainOptions());
  const TrainingRecipe r = reference_recipe(options, {4, 2, 7}, config, Precision::fp32);
  EXPECT_EQ(r.sampler->cases(), (std::vector<std::int64_t>{4, 2, 7}));
  EXPECT_EQ(r.sampler->steps(2), 2);  // each case once an epoch
  EXPECT_EQ(r.augmentation, reference_augmentation());
  EXPECT_FALSE(r.loss.focal);
  EXPECT_EQ(r.loss.head_weights, std::vector<double>{1});
  EXPECT_EQ(r.optimizer.name, "radam");
  EXPECT_EQ(r.optimizer.learning_rate, 0.001);
  EXPECT_EQ(r.scheduler.name, "none");
  EXPECT_EQ(r.gradient_clip_val, 0);
  EXPECT_EQ(r.evaluation.plan.patch, config.patch_size);
  EXPECT_EQ(r.evaluation.plan.overlap, 0.5);
  EXPECT_EQ(r.length.max_epochs, 10000);
  EXPECT_EQ(r.length.min_epochs, 30);
  EXPECT_EQ(r.length.patience, 100);
  EXPECT_EQ(r.length.most_skipped, 0);
  EXPECT_GT(reference_recipe(options, {0}, config, Precision::fp16).length.most_skipped, 0);
}

torch::Tensor wave(std::vector<std::int64_t> shape, int phase) {
  const auto n = torch::arange(c10::multiply_integers(shape), torch::kFloat);
  return torch::sin(n * 0.7 + phase).view(shape).requires_grad_();
}

TEST(HeadLoss, IsTheWeightedSumAgainstTheNearestLabels) {
  const torch::Tensor label = torch::arange(2 * 5 * 8 * 6).remainder(3).to(torch::kByte).view({2, 5, 8, 6});
  const std::vector<torch::Tensor> heads{wave({2, 3, 5, 8, 6}, 0), wave({2, 3, 5, 4, 3}, 1), wave({2, 3, 2, 2, 1}, 2)};
  const Loss loss({.focal = true, .head_weights = {0.5, 0.25, 2}});
  // Voxel i of m lies at floor((i + 1/2) n / m) of n.
  const torch::Tensor half =
      label.index_select(2, torch::tensor({1, 3, 5, 7})).index_select(3, torch::tensor({1, 3, 5}));
  const torch::Tensor quarter = label.index_select(1, torch::tensor({1, 3}))
                                    .index_select(2, torch::tensor({2, 6}))
                                    .index_select(3, torch::tensor({3}));
  const double expected = 0.5 * plain_dice_ce_loss(heads[0], label, true).item<double>() +
                          0.25 * plain_dice_ce_loss(heads[1], half, true).item<double>() +
                          2 * plain_dice_ce_loss(heads[2], quarter, true).item<double>();
  const torch::Tensor sum = loss(heads, label);
  EXPECT_NEAR(sum.item<double>(), expected, 1e-5);
  sum.backward();
  for (const torch::Tensor& head : heads) EXPECT_GT(head.grad().abs().max().item<double>(), 0);
}

TEST(HeadLoss, OneHeadIsTheLossItself) {
  const torch::Tensor label = torch::arange(2 * 4 * 8 * 6).remainder(3).to(torch::kByte).view({2, 4, 8, 6});
  const torch::Tensor logits = wave({2, 3, 4, 8, 6}, 0);
  EXPECT_TRUE(torch::equal(Loss()({logits}, label), dice_ce_loss(logits, label)));
}

TEST(HeadLoss, WeightsThatDoNotFitAreRefused) {
  const torch::Tensor label = torch::zeros({2, 4, 8, 6}, torch::kByte), logits = wave({2, 3, 4, 8, 6}, 0);
  EXPECT_THROW(Loss()({logits, logits}, label), Error);
  EXPECT_THROW(Loss({.head_weights = {}}), Error);
  EXPECT_THROW(Loss({.head_weights = {0, 0}}), Error);
  EXPECT_THROW(Loss({.head_weights = {1, -1}}), Error);
}

// A network with a head a level, as nnU-Net v2's: the head of weight 0 never changes.
TEST(TrainStep, TrainsSeveralHeads) {
  TrainOptions options = test::TinyTraining::tiny_options();
  options.network.depth = 2;
  options.network.filters = {4, 6, 8};
  options.optimizer.weight_decay = 0;
  NetworkPlan plan = make_network_plan({16, 16, 16}, {1, 1, 1}, 1, 3, options.network);
  plan.deep_supervision = true;
  plan.naming = Naming::nnunet_v2;
  UNet network(plan);
  network->initialize(1);
  TrainingRecipe recipe = reference_recipe(options, {}, DataConfig(), Precision::fp32);
  const std::size_t heads = network->forward_heads(torch::zeros({1, 1, 16, 16, 16})).size();
  ASSERT_EQ(heads, 2U);
  const auto moved = [&](std::vector<double> weights) {
    recipe.loss.head_weights = std::move(weights);
    TrainingState state = first_state(recipe, network, Precision::fp32, torch::kCPU);
    const ProcessGroup alone;
    TrainStep step(state, Loss(recipe.loss), step_options(recipe, options, Precision::fp32, torch::kCPU, alone),
                   torch::kCPU, alone);
    Batch batch;
    batch.image_shape = {1, 1, 16, 16, 16};
    batch.label_shape = {1, 16, 16, 16};
    batch.image.reset(new float[4096], std::default_delete<float[]>());
    batch.label.reset(new std::uint8_t[4096], std::default_delete<std::uint8_t[]>());
    for (std::size_t i = 0; i < 4096; ++i) {
      batch.label.get()[i] = static_cast<std::uint8_t>(i % 3);
      batch.image.get()[i] = static_cast<float>(i % 3) + std::sin(static_cast<float>(i));
    }
    std::vector<torch::Tensor> before;
    for (const auto& p : network->parameters()) before.push_back(p.detach().clone());
    step(batch);
    std::int64_t unmoved = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
      unmoved += torch::equal(before[i], network->parameters()[i]) ? 1 : 0;
    return unmoved;
  };
  for (const std::string engine : {"libtorch", "native"}) {
    options.compute.engine = engine;
    EXPECT_EQ(moved({0.7, 0.3}), 0) << engine;
    EXPECT_EQ(moved({1, 0}), 2) << engine;  // weight and bias of the second head
    EXPECT_EQ(moved({1}), 2) << engine;
    EXPECT_THROW(moved({1, 0, 1}), Error);
  }
}

}  // namespace
}  // namespace nnunet
