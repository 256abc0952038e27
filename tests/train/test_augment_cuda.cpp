#include <gtest/gtest.h>

#include "data/patch_batches.h"
#include "data/recipe_batch.h"
#include "nnunet/core/error.h"
#include "nnunet/train/training_recipe.h"
#include "train/augment_cuda.h"

namespace nnunet {
namespace {

/// As the loader hands it out; the RecipeBatch keeps the memory.
Batch batch_of(test::RecipeBatch& b) {
  Batch batch;
  batch.image = {b.crops.data(), [](float*) {}};
  batch.label = {b.crop_labels.data(), [](std::uint8_t*) {}};
  batch.recipes = {b.recipes.data(), [](Recipe*) {}};
  batch.image_shape = {b.images, b.channels};
  batch.label_shape = {b.images};
  for (std::size_t axis = b.size[0] > 1 ? 0 : 1; axis < 3; ++axis) {
    batch.image_shape.push_back(b.size[axis]);
    batch.label_shape.push_back(b.size[axis]);
  }
  return batch;
}

TEST(AugmentOnGpu, CpusAugmentInTheLoader) {
  EXPECT_FALSE(augments_on(torch::kCPU));
  EXPECT_FALSE(loader_options(reference_augmentation(), TrainOptions(), DataConfig(), torch::kCPU).recipes);
  test::RecipeBatch b(1, {2, 3, 4}, {{}});
  EXPECT_THROW(augment_on_gpu(batch_of(b), torch::kCPU), Error);
}

TEST(AugmentOnGpu, AgreesWithTheCpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU";
  const torch::Device gpu(torch::kCUDA, 0);
  if (!augments_on(gpu)) GTEST_SKIP() << "built without CUDA";
  for (const Shape3& volume : {Shape3{5, 7, 19}, Shape3{4, 29, 37}, Shape3{40, 56, 40}})
    for (const std::int64_t channels : {1, 4})
      for (const int slices : {0, 3}) {
        const Shape3 size = {slices > 0 ? 1 : volume[0], volume[1], volume[2]};
        test::RecipeBatch b(channels, size, slices > 0 ? test::every_operator_in_plane() : test::every_operator(),
                            slices);
        const Batch batch = batch_of(b);
        const auto [to_image, to_label] = augment_on_gpu(batch, gpu);
        const auto expected = torch::from_blob(b.expected.data(), batch.image_shape);
        const auto expected_label = torch::from_blob(b.expected_labels.data(), batch.label_shape, torch::kByte);
        EXPECT_LT((to_image.cpu() - expected).abs().max().item<double>(), test::kAugmentRounding) << shape_text(size);
        EXPECT_TRUE(torch::equal(to_label.cpu(), expected_label)) << shape_text(size);
      }
}

TEST(AugmentOnGpu, PatchesWaitForOne) {
  const test::PatchSetting one = test::patch_settings(1).front();
  test::for_each_batch(one, 1, 1, [](const Batch& batch, const Batch& expected) {
    EXPECT_TRUE(is_plain(batch));
    EXPECT_FALSE(is_plain(expected));
    EXPECT_THROW(augment_on_gpu(batch, torch::kCPU), Error);
  });
}

TEST(AugmentOnGpu, PatchesAgreeWithTheCpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU";
  const torch::Device gpu(torch::kCUDA, 0);
  if (!augments_on(gpu)) GTEST_SKIP() << "built without CUDA";
  std::vector<test::PatchSetting> settings = test::patch_settings(2);
  const ModelPlan plan = test::plan_of_patches({64, 56, 40}, 2);
  settings.push_back({"large patches", plan, test::always_transformed(default_augmentation(plan)), {90, 90, 80}});
  for (const test::PatchSetting& setting : settings) {
    SCOPED_TRACE(setting.name);
    test::for_each_batch(setting, 2, 2, [&](const Batch& batch, const Batch& expected) {
      const auto [image, label] = augment_on_gpu(batch, gpu);
      const auto cpu_image = torch::from_blob(expected.image.get(), expected.image_shape);
      const auto cpu_label = torch::from_blob(expected.label.get(), expected.label_shape, torch::kByte);
      const double most = cpu_image.abs().max().item<double>();
      EXPECT_LT((image.cpu() - cpu_image).abs().max().item<double>(), 10 * test::kPatchRounding * most);
      EXPECT_TRUE(torch::equal(label.cpu(), cpu_label));
    });
  }
}

}  // namespace
}  // namespace nnunet
