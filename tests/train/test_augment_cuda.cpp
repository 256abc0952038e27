#include <gtest/gtest.h>

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

}  // namespace
}  // namespace nnunet
