#include <gtest/gtest.h>

#include <numeric>

#include "data/epoch_loader.h"
#include "data/preprocessed.h"
#include "data/recipe_batch.h"
#include "kernels/cuda/augment_stages.h"
#include "nnunet/data/loader.h"
#include "numbers.h"
#include "run_stages.h"

// The CUDA kernels' stages, run on the CPU, beside the CPU's augmentation.
namespace nnunet::kernels::cuda {
namespace {

struct Result {
  std::vector<float> image;
  std::vector<std::uint8_t> label;
};

/// What the kernels of augment.cu do.
Result in_stages(const AugmentShape& shape, const Recipe* recipes, std::vector<float> crops,
                 const std::vector<std::uint8_t>& labels, const test::GridOrder& order = {}) {
  test::Numbers<std::byte> workspace(static_cast<std::size_t>(AugmentRoom(shape).bytes()), std::byte{0xff});  // NaN
  Result result{std::vector<float>(crops.size(), NAN), std::vector<std::uint8_t>(labels.size(), 77)};
  const AugmentBatch batch{recipes, crops.data(), labels.data(), result.image.data(), result.label.data()};
  run_augment_stages(shape, batch, workspace.data(),
                     [&](const auto&... stages) { test::run_stages(order, stages...); });
  return result;
}

void expect_the_same(const test::RecipeBatch& b, const test::GridOrder& order) {
  const AugmentShape shape{b.images, b.channels, {b.size[0], b.size[1], b.size[2]}};
  const Result result = in_stages(shape, b.recipes.data(), b.crops, b.crop_labels, order);
  EXPECT_LT(test::largest_difference(result.image, b.expected), test::kAugmentRounding) << shape_text(b.size);
  EXPECT_EQ(result.label, b.expected_labels) << shape_text(b.size);
}

TEST(CudaAugment, VolumesAgreeWithTheCpu) {
  for (const Shape3& size : test::patch_sizes())
    for (const std::int64_t channels : {1, 4})
      for (const bool backwards : {false, true}) {
        expect_the_same(test::RecipeBatch(channels, size, test::every_operator()), {backwards ? 7 : 3, backwards});
        for (const Augmentation& how : test::every_operator())  // batches of one
          expect_the_same(test::RecipeBatch(channels, size, {how}), {2, backwards});
      }
}

TEST(CudaAugment, BlocksOfSlicesAgreeWithTheCpu) {
  for (Shape3 size : test::patch_sizes()) {
    size[0] = 1;
    for (const std::int64_t channels : {1, 4})
      for (const int slices : {1, 3})
        for (const bool backwards : {false, true})
          expect_the_same(test::RecipeBatch(channels, size, test::every_operator_in_plane(), slices), {3, backwards});
  }
}

TEST(CudaAugment, AllCombinationsOfOperators) {
  std::vector<Augmentation> samples;
  for (unsigned bits = 0; bits < 64; ++bits) {
    const auto with = [&](unsigned bit) { return (bits & bit) != 0; };
    samples.push_back({.zoom = with(1) ? 0.7F : 1,
                       .flip = {with(2), false, with(2)},
                       .noise_std = with(4) ? 0.3F : 0,
                       .blur_sigma = with(8) ? 0.9F : 0,
                       .brightness = with(16) ? 1.3F : 1,
                       .contrast = with(32) ? 0.65F : 1});
  }
  expect_the_same(test::RecipeBatch(2, {6, 11, 13}, samples), {});
}

/// Whole epochs, as the loader deals out coins, crops and blocks of slices: plain crops and recipes, or augmented.
class CudaAugmentEpoch : public testing::Test {
 protected:
  CudaAugmentEpoch() : writer_(temp_.path()) {}

  void expect_the_same_epochs(test::EpochLoading options, const std::string& patch) {
    writer_.config(patch, 4, 2);
    for (int i = 0; i < 5; ++i)
      writer_.made(
          fmt::format("case_{}", i), 2, {9 + i, 16 - i, 13},
          [i](auto c, auto d, auto h, auto w) { return std::sin(static_cast<double>(d * 31 + h * 7 + w * 3 + c + i)); },
          [](auto d, auto h, auto w) { return d > 3 && h > 3 && w > 3 ? (d + h + w) % 4 : 0; });
    const PreprocessedFolder folder(temp_.path(), "", static_cast<int>(options.patch_size.size()));
    std::vector<std::int64_t> all(folder.cases().size());
    std::iota(all.begin(), all.end(), 0);
    options.num_workers = 0;
    Loader augmented = test::epochs_over(folder, all, options);
    options.recipes = true;
    Loader plain = test::epochs_over(folder, all, options);
    for (std::int64_t epoch = 0; epoch < 30; ++epoch) {
      augmented.start_epoch(epoch);
      plain.start_epoch(epoch);
      for (Batch expected, batch; augmented.next(expected);) {
        ASSERT_TRUE(plain.next(batch));
        expect_the_same(batch, expected);
      }
    }
  }

 private:
  static void expect_the_same(const Batch& batch, const Batch& expected) {
    const auto values = Array<float>::count(batch.image_shape), voxels = Array<float>::count(batch.label_shape);
    const auto& s = batch.image_shape;
    AugmentShape shape{s[0], s[1], {1, s[2], s[3]}};
    if (s.size() == 5) std::copy_n(s.begin() + 2, 3, shape.size);
    const auto* const crops = batch.image.get();
    const auto* const labels = batch.label.get();
    const Result result = in_stages(shape, batch.recipes.get(), {crops, crops + values}, {labels, labels + voxels});
    EXPECT_FALSE(expected.recipes);
    EXPECT_EQ(batch.cases, expected.cases);
    EXPECT_LT(test::largest_difference(result.image, {expected.image.get(), expected.image.get() + values}),
              test::kAugmentRounding);
    EXPECT_TRUE(std::equal(result.label.begin(), result.label.end(), expected.label.get()));
  }

  test::TempFolder temp_;
  test::FolderWriter writer_;
};

TEST_F(CudaAugmentEpoch, OfVolumes) {
  test::EpochLoading options;
  options.patch_size = {8, 11, 12};
  expect_the_same_epochs(options, "8,11,12");
}

TEST_F(CudaAugmentEpoch, OfSlices) {
  test::EpochLoading options;
  options.patch_size = {11, 12};
  options.batch_size = 12;
  options.nvol = 3;
  expect_the_same_epochs(options, "11,12");
}

}  // namespace
}  // namespace nnunet::kernels::cuda
