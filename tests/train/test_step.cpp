#include <gtest/gtest.h>

#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/train/reference_recipe.h"

namespace nnunet {
namespace {

/// A small network and batches that never change.
struct Training {
  TrainOptions options;
  UNet network{nullptr};
  Batch batch;

  explicit Training(const std::string& optimizer = "radam") {
    options.optimizer.name = optimizer;
    options.optimizer.learning_rate = 0.01;
    options.batch_size = 2;
    options.network.filters = {8, 16};
    options.network.depth = 1;
    network = UNet(make_network_plan({8, 12, 16}, {1, 1, 1}, 1, 3, options.network));
    network->initialize(5);
    batch.image_shape = {2, 1, 8, 12, 16};
    batch.label_shape = {2, 8, 12, 16};
    const std::size_t voxels = 2 * 8 * 12 * 16;
    batch.image.reset(new float[voxels], std::default_delete<float[]>());
    batch.label.reset(new std::uint8_t[voxels], std::default_delete<std::uint8_t[]>());
    for (std::size_t i = 0; i < voxels; ++i) {
      batch.image.get()[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i)));
      batch.label.get()[i] = static_cast<std::uint8_t>(i / 7 % 3);
    }
  }

  std::vector<double> losses(torch::Device device, Precision precision, int steps = 8) {
    network->place(device);
    network->train();
    const ProcessGroup alone;
    const TrainingRecipe recipe = reference_recipe(options, {}, DataConfig(), precision);
    TrainingState state = first_state(recipe, network, precision, device);
    TrainStep step(state, Loss(recipe.loss), step_options(recipe, options, precision, device, alone), device, alone);
    std::vector<double> values;
    for (int i = 0; i < steps; ++i) values.push_back(step(batch).loss.item<double>());
    return values;
  }
};

TEST(TrainStep, LearnsABatch) {
  for (const std::string optimizer : {"radam", "adam", "sgd"}) {
    const auto losses = Training(optimizer).losses(torch::kCPU, Precision::fp32, 20);
    EXPECT_LT(losses.back(), losses.front() - 0.02) << optimizer;
  }
}

TEST(TrainStep, GraphsNeedAGpu) {
  Training t;
  t.options.cuda_graphs = true;
  EXPECT_THROW(t.losses(torch::kCPU, Precision::fp32), Error);
}

class GpuTrainStep : public testing::Test {
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU";
  }
};

TEST_F(GpuTrainStep, AgreesWithTheCpu) {
  for (const std::string optimizer : {"radam", "adam", "sgd"}) {
    const auto cpu = Training(optimizer).losses(torch::kCPU, Precision::fp32);
    for (const auto precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
      const auto gpu = Training(optimizer).losses(torch::Device(torch::kCUDA, 0), precision);
      for (std::size_t i = 0; i < cpu.size(); ++i)
        EXPECT_NEAR(gpu[i], cpu[i], precision == Precision::fp32 ? 2e-3 : 2e-2) << optimizer << " step " << i;
    }
  }
}

TEST_F(GpuTrainStep, ReplayedGraphsGiveTheSame) {
  for (const auto precision : {Precision::fp32, Precision::fp16}) {
    Training plain, recorded;
    recorded.options.cuda_graphs = true;
    const torch::Device gpu(torch::kCUDA, 0);
    const auto expected = plain.losses(gpu, precision), losses = recorded.losses(gpu, precision);
    for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], expected[i], 1e-3) << "step " << i;
  }
}

}  // namespace
}  // namespace nnunet
