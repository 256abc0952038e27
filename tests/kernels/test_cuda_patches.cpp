#include <gtest/gtest.h>

#include "data/patch_batches.h"
#include "kernels/cuda/patch_stages.h"
#include "nnunet/core/error.h"
#include "numbers.h"
#include "run_stages.h"

// The CUDA kernels' stages for nnU-Net v2's patches, run on the CPU, beside the CPU's augmentation.
namespace nnunet::kernels::cuda {
namespace {

struct Result {
  test::Numbers<float> image;
  std::vector<std::uint8_t> label;
};

/// The crops one behind the other, as they are moved to a GPU.
test::Numbers<std::byte> joined(const std::vector<PatchRecipes::Crop>& crops) {
  test::Numbers<std::byte> all;
  for (const auto& crop : crops) all.insert(all.end(), crop.memory.get(), crop.memory.get() + crop.bytes);
  return all;
}

/// What the kernels of patches.cu do.
Result in_stages(const Batch& batch, const test::GridOrder& order) {
  const PatchRecipes& p = *batch.patches;
  PatchShape shape{p.patches(), p.channels, p.entries};
  const auto& s = batch.label_shape;
  std::copy_n(s.end() - std::ssize(s) + 1, s.size() - 1, shape.size + (4 - s.size()));
  Result result{test::Numbers<float>(static_cast<std::size_t>(shape.volumes() * shape.voxels()), NAN),
                std::vector<std::uint8_t>(static_cast<std::size_t>(shape.patches * shape.voxels()), 77)};
  test::Numbers<std::byte> workspace(static_cast<std::size_t>(PatchRoom::bytes(shape)), std::byte{0xff});  // NaN
  const test::Numbers<std::byte> crops = joined(p.crops);
  const std::byte* const work = p.work.get();
  const PatchBatch buffers{reinterpret_cast<const PatchRecipe*>(work),
                           reinterpret_cast<const ChannelStep*>(work + p.steps_at()),
                           work + p.tables_at(),
                           crops.data(),
                           p.drawn.data(),
                           p.most_boxes,
                           result.image.data(),
                           result.label.data()};
  run_patch_stages(shape, buffers, workspace.data(),
                   [&](const auto&... stages) { test::run_stages(order, stages...); });
  return result;
}

void expect_the_same(const Batch& batch, const Batch& expected, const test::GridOrder& order) {
  ASSERT_TRUE(batch.patches);
  EXPECT_FALSE(batch.image || batch.label || expected.patches);
  EXPECT_EQ(batch.cases, expected.cases);
  EXPECT_EQ(batch.image_shape, expected.image_shape);
  EXPECT_EQ(batch.label_shape, expected.label_shape);
  const Result result = in_stages(batch, order);
  const float* const image = expected.image.get();
  EXPECT_LT(test::deviation(result.image, test::Numbers<float>(image, image + result.image.size())),
            test::kPatchRounding);
  EXPECT_TRUE(std::equal(result.label.begin(), result.label.end(), expected.label.get()));
}

TEST(CudaPatches, AgreeWithTheCpu) {
  for (const std::int64_t channels : {1, 3})
    for (const test::PatchSetting& setting : test::patch_settings(channels)) {
      SCOPED_TRACE(setting.name + ", channels: " + std::to_string(channels));
      bool backwards = false;
      test::for_each_batch(setting, channels, 2, [&](const Batch& batch, const Batch& expected) {
        backwards = !backwards;
        expect_the_same(batch, expected, {backwards ? 7 : 3, backwards});
      });
    }
}

// More voxels than one block works on.
TEST(CudaPatches, OfManyBlocks) {
  const ModelPlan plan = test::plan_of_patches({24, 28, 20}, 2);
  const PatchAugmentation standard = test::always_transformed(default_augmentation(plan));
  for (const PatchAugmentation& how : {standard, da5_augmentation(plan)})
    test::for_each_batch({"", plan, how, {40, 44, 36}}, 2, 2, [&](const Batch& batch, const Batch& expected) {
      expect_the_same(batch, expected, {5, false});
    });
}

TEST(CudaPatches, ConstantChannels) {
  const ModelPlan plan = test::plan_of_patches({6, 7, 8}, 1);
  auto cases = std::make_shared<test::CasesInMemory>();
  cases->add(
      "a", 1, {9, 9, 9}, [](auto, auto, auto, auto) { return 0.3; }, [](auto, auto, auto) { return 1; },
      test::plain_labels(3));
  for (const intensity::Single& one : test::every_intensity()) {
    PatchLoaderOptions options = test::patches_of_blocks(plan, test::with_intensity(plan, one));
    const auto made = load_patches(cases, cases->names(), options);
    options.recipes = true;
    const auto plain = load_patches(cases, cases->names(), options);
    Batch expected, batch;
    made->start_epoch(0);
    plain->start_epoch(0);
    ASSERT_TRUE(made->next(expected) && plain->next(batch));
    expect_the_same(batch, expected, {});
  }
}

TEST(CudaPatches, CropsAreNoLargerThanWhatIsRead) {
  const ModelPlan plan = test::plan_of_patches({10, 12, 8}, 2);
  constexpr std::int64_t kVoxel = 2 * sizeof(float) + sizeof(std::int16_t);
  const auto bytes = [](std::int64_t voxels) {
    constexpr std::int64_t kAlign = PatchRecipes::kAlign;
    return (voxels * kVoxel + kAlign - 1) / kAlign * kAlign;
  };
  const PatchAugmentation none = validation_augmentation(plan);
  PatchAugmentation turned = test::always_transformed(default_augmentation(plan));
  const Shape3 initial = *turned.initial;
  turned.spatial.scale.low = turned.spatial.scale.high = 0.5F;
  std::int64_t largest = 0;
  test::for_each_batch({"", plan, none, {40, 44, 36}}, 2, 3, [&](const Batch& batch, const Batch&) {
    for (const auto& crop : batch.patches->crops) EXPECT_LE(crop.bytes, bytes(10 * 12 * 8));
  });
  test::for_each_batch({"", plan, turned, {40, 44, 36}}, 2, 3, [&](const Batch& batch, const Batch&) {
    for (const auto& crop : batch.patches->crops) largest = std::max(largest, crop.bytes);
  });
  EXPECT_LT(largest, bytes(volume(initial)) / 2);
}

TEST(CudaPatches, OnlyWhatWasDrawnIsRun) {
  const ModelPlan plan = test::plan_of_patches({6, 7, 8}, 2);
  PatchAugmentation how = validation_augmentation(plan);
  how.intensities = {intensity::Noise{0, {0, 1}}, intensity::Brightness{{1}, {0.75F, 1.25F}}};
  test::for_each_batch({"", plan, how, {9, 9, 9}}, 2, 1, [&](const Batch& batch, const Batch& expected) {
    const auto linear = 1U << static_cast<std::uint32_t>(ChannelOperator::linear);
    EXPECT_EQ(batch.patches->drawn, (std::vector<std::uint32_t>{0, linear}));
    expect_the_same(batch, expected, {});
  });
}

}  // namespace
}  // namespace nnunet::kernels::cuda
