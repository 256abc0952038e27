#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "io/expect_error.h"
#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/case_memory.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"

// Cases by plans that say what nnU-Net v2 does.
namespace nnunet {
namespace {

using enum NormalizationScheme;

Image image_of(const Shape3& s, const Spacing3& spacing, std::int64_t channels = 1) {
  Image image;
  image.voxels = Array<float>({channels, s[0], s[1], s[2]});
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
    image.voxels.values[i] = static_cast<float>(i % 5 == 0 ? 0.0 : 3 * std::sin(0.7 * static_cast<double>(i)) - 1);
  image.geometry.shape = s;
  image.geometry.spacing = spacing;
  return image;
}

Array<std::uint16_t> label_of(const Shape3& s) {
  Array<std::uint16_t> label({s[0], s[1], s[2]});
  for (std::size_t i = 0; i < label.values.size(); ++i) label.values[i] = static_cast<std::uint16_t>(i / 7 % 4 * 100);
  return label;
}

PreprocessPlan v2_plan(std::size_t channels, std::vector<double> spacing) {
  PreprocessPlan plan;
  plan.crop = CropRule::nonzero_filled;
  plan.channels.assign(channels, {.scheme = z_score, .least_std = 1e-8});
  plan.normalization = NormalizationPlace::before_resampling;
  plan.spacing = std::move(spacing);
  plan.size_rounding = SizeRounding::nearest_even;
  plan.resample_when = ResamplingCondition::size_differs;
  plan.image = {.order = 3, .across = AcrossAxis::coarsest, .above_anisotropy = true};
  plan.label = {.order = 1, .across = AcrossAxis::coarsest, .above_anisotropy = true};
  plan.label_vote = LabelVote::largest;
  plan.training_fit = TrainingFit::none;
  return plan;
}

double mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

// An image in somebody's memory, whose axes lie as they like.
TEST(PreprocessByPlan, TakesViewsAsItTakesImages) {
  const Shape3 shape{9, 14, 11};
  const Spacing3 spacing{5, 1.5, 1};
  Image image = image_of(shape, spacing, 2);
  for (float& value : image.voxels.values) value = std::round(100 * value);
  for (std::int64_t c = 0; c < 2; ++c) std::fill_n(image.voxels.slab(c).begin(), (3 - c) * 14 * 11, 0.0F);
  Array<std::int16_t> memory({11, 14, 9, 2});
  for (std::int64_t c = 0, i = 0; c < 2; ++c)
    for (std::int64_t z = 0; z < 9; ++z)
      for (std::int64_t y = 0; y < 14; ++y)
        for (std::int64_t x = 0; x < 11; ++x, ++i)
          memory.values[static_cast<std::size_t>(((x * 14 + 13 - y) * 9 + z) * 2 + c)] =
              static_cast<std::int16_t>(image.voxels.values[static_cast<std::size_t>(i)]);
  ImageView view;
  view.voxels = reinterpret_cast<const std::byte*>(memory.data() + 13 * 18);
  view.type = NumberType::int16;
  view.shape = {2, 9, 14, 11};
  view.strides = {2, 4, -36, 504};
  view.spacing = spacing;
  for (const std::array<int, 3> order : {std::array{0, 1, 2}, std::array{2, 0, 1}})
    for (const CropRule crop : {CropRule::none, CropRule::positive, CropRule::nonzero_filled}) {
      PreprocessPlan plan = v2_plan(2, {2, 1, 1});
      plan.transpose = order;
      plan.crop = crop;
      const PreprocessedCase wanted = preprocess_case("a", image, plan), got = preprocess_case("a", view, plan, 3);
      EXPECT_EQ(got.x.shape, wanted.x.shape);
      EXPECT_EQ(got.x.values, wanted.x.values);
      EXPECT_EQ(got.crop_start, wanted.crop_start);
      EXPECT_EQ(got.crop_end, wanted.crop_end);
      EXPECT_EQ(got.spacing, wanted.spacing);
      const auto label = label_of(shape);
      EXPECT_EQ(preprocess_case("a", view, label, plan).label->values,
                preprocess_case("a", image, label, plan).label->values);
    }
  EXPECT_ERROR(preprocess_case("case_7", view, v2_plan(1, {1, 1, 1})), "the image has 2 channels, expected 1");
}

TEST(PreprocessByPlan, TransposesFirst) {
  const std::array<int, 3> order{2, 0, 1};
  const Shape3 shape{9, 14, 11};
  const Spacing3 spacing{1, 1.5, 5};  // the last axis is the coarsest: first after the transposition
  Image turned = image_of(shape, spacing, 2);
  PreprocessPlan plan = v2_plan(2, {4, 1, 2});
  plan.channels[1].use_mask = true;
  plan.transpose = order;
  const PreprocessedCase got = preprocess_case("a", turned, label_of(shape), plan);
  turned.voxels = transposed(turned.voxels, order);
  turned.geometry.spacing = in_order(spacing, order);
  plan.transpose = {0, 1, 2};
  const PreprocessedCase expected = preprocess_case("a", turned, transposed(label_of(shape), order), plan);
  EXPECT_EQ(got.x.shape, (std::vector<std::int64_t>{2, 14, 9, 10}));
  EXPECT_EQ(got.x.shape, expected.x.shape);
  EXPECT_EQ(got.x.values, expected.x.values);
  EXPECT_EQ(got.label->values, expected.label->values);
  EXPECT_EQ(got.spacing, (Spacing3{5, 1, 1.5}));
  EXPECT_EQ(got.original, (Shape3{11, 9, 14}));
  EXPECT_EQ(got.cropped(), got.original);
  EXPECT_EQ(got.transpose, order);
}

TEST(PreprocessByPlan, CropsInTheImagesPlaceOfTheNetworksAxes) {
  Image image = image_of({6, 7, 8}, {1, 1, 1});
  std::fill(image.voxels.values.begin(), image.voxels.values.end(), 0.0F);
  image.voxels.values[static_cast<std::size_t>((2 * 7 + 3) * 8 + 4)] = -5;
  image.voxels.values[static_cast<std::size_t>((4 * 7 + 3) * 8 + 6)] = 5;
  PreprocessPlan plan = v2_plan(1, {1, 1, 1});
  plan.transpose = {1, 2, 0};
  const PreprocessedCase item = preprocess_case("a", image, plan);
  EXPECT_EQ(item.crop_start, (Shape3{3, 4, 2}));
  EXPECT_EQ(item.crop_end, (Shape3{4, 7, 5}));
  EXPECT_FALSE(item.label);
  EXPECT_FALSE(item.y);
}

TEST(PreprocessByPlan, TwoDimensionsKeepTheFirstAxis) {
  const PreprocessedCase item = preprocess_case("a", image_of({4, 10, 12}, {7, 1, 1}), v2_plan(1, {2, 0.5}));
  EXPECT_EQ(item.x.shape, (std::vector<std::int64_t>{1, 4, 5, 24}));
}

TEST(PreprocessByPlan, ThreadsDoNotChangeIt) {
  for (const Resampler method : {Resampler::spline, Resampler::torch}) {
    PreprocessPlan plan = v2_plan(2, {1.3, 0.8, 1.1});
    plan.image.method = plan.label.method = method;
    plan.channels[0].use_mask = true;
    plan.transpose = {2, 1, 0};
    const Image image = image_of({40, 33, 21}, {1, 1, 1.2}, 2);
    const PreprocessedCase one = preprocess_case("a", image, label_of({40, 33, 21}), plan, 1);
    const PreprocessedCase four = preprocess_case("a", image, label_of({40, 33, 21}), plan, 4);
    EXPECT_EQ(one.x.values, four.x.values);
    EXPECT_EQ(one.label->values, four.label->values);
  }
}

TEST(PreprocessByPlan, TakesEmptyConstantAndNegativeImages) {
  for (const float value : {0.0F, 7.25F, -3.0F}) {
    Image image = image_of({3, 4, 5}, {1, 1, 1});
    std::fill(image.voxels.values.begin(), image.voxels.values.end(), value);
    PreprocessPlan plan = v2_plan(1, {1, 1, 1});
    plan.channels[0].use_mask = true;
    const Array<std::uint16_t> label({3, 4, 5});
    const PreprocessedCase item = preprocess_case("a", image, label, plan);
    EXPECT_EQ(item.x.spatial(), (Shape3{3, 4, 5}));
    EXPECT_EQ(item.x.values, std::vector<float>(60, 0.0F));
    EXPECT_EQ(item.label->values, std::vector<std::int16_t>(60, value == 0 ? -1 : 0));
  }
}

TEST(PreprocessByPlan, NormalizesWithinTheMaskAndWhereThereAreLabels) {
  Image image = image_of({5, 5, 5}, {1, 1, 1});
  std::fill(image.voxels.values.begin(), image.voxels.values.end(), 0.0F);
  std::fill_n(image.voxels.values.begin(), 75, 2.0F);
  image.voxels.values[0] = 4;
  image.voxels.values[124] = 3;  // the whole is kept
  PreprocessPlan plan = v2_plan(1, {1, 1, 1});
  plan.channels[0].use_mask = true;
  const PreprocessedCase alone = preprocess_case("a", image, plan);
  EXPECT_EQ(alone.x.values[100], 0.0F);
  EXPECT_NEAR(mean_of(alone.x.values) * 125, 0, 1e-3);
  Array<std::uint16_t> label({5, 5, 5});
  label.values[100] = 1;
  const PreprocessedCase labelled = preprocess_case("a", image, label, plan);
  EXPECT_LT(labelled.x.values[100], -1.0F);
  EXPECT_EQ(labelled.x.values[101], 0.0F);
  EXPECT_EQ(labelled.label->values[100], 1);
  EXPECT_EQ(labelled.label->values[101], -1);
}

TEST(PreprocessByPlan, NoneLeavesTheGrid) {
  PreprocessPlan plan = v2_plan(1, {9, 9, 9});
  plan.image.method = plan.label.method = Resampler::none;
  EXPECT_EQ(preprocess_case("a", image_of({3, 4, 6}, {1, 1, 1}), plan).x.spatial(), (Shape3{3, 4, 6}));
}

TEST(PreprocessByPlan, BadInputIsNamed) {
  const Image image = image_of({4, 5, 6}, {1, 1, 1});
  PreprocessPlan plan = v2_plan(1, {1, 1, 1});
  Image broken = image;
  broken.voxels.values[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(preprocess_case("case_7", broken, plan), "case_7: the image holds NaN");
  EXPECT_ERROR(preprocess_case("case_7", image, v2_plan(2, {1, 1, 1})), "case_7: the image has 1 channels, expected 2");
  EXPECT_ERROR(preprocess_case("case_7", image, v2_plan(1, {1, 20, 1})), "leaves no voxel (4x0x6)");
  EXPECT_ERROR(preprocess_case("case_7", image, label_of({4, 6, 5}), plan), "the label's shape 4x6x5 differs");
  Array<std::uint16_t> high = label_of({4, 5, 6});
  high.values[3] = 40000;
  EXPECT_ERROR(preprocess_case("case_7", image, high, plan), "the label holds the value 40000");
  plan.channels[0] = {.scheme = rgb_to_0_1};
  EXPECT_ERROR(preprocess_case("case_7", image, plan), "RGB channels hold 0 to 255");
  plan.channels[0] = {.scheme = ct};
  EXPECT_ERROR(preprocess_case("case_7", image, plan), "statistics of this CT task are not known");
  LabelMap bytes;
  bytes.voxels = Array<std::uint8_t>({4, 5, 6});
  EXPECT_THROW(preprocess_case("case_7", image, bytes, v2_plan(1, {1, 1, 1}), {}), std::logic_error);
}

TEST(CaseMemory, KnowsOtherPlans) {
  NiftiInfo image;
  image.geometry.shape = {10, 20, 30};
  image.geometry.spacing = {1, 1, 4};
  const std::int64_t voxels = 6000;
  PreprocessPlan plan = v2_plan(1, {1, 1, 1});
  plan.image.separate_axis = plan.label.separate_axis = SeparateAxis::never;
  plan.transpose = {2, 0, 1};  // 120x10x20 voxels are made
  EXPECT_EQ(case_memory(image, std::nullopt, plan), 4 * voxels + 4 * 4 * voxels);
  NiftiInfo label = image;
  EXPECT_EQ(case_memory(image, label, plan), (4 + 2 * 2 + 1) * voxels + (4 + 2) * 4 * voxels);
  plan.spacing = {4, 1, 1};  // nothing is resampled: the transposed image and label beside the others, or the mask
  EXPECT_EQ(case_memory(image, label, plan), (4 + 2 * 2 + 4) * voxels);
  plan.transpose = {0, 1, 2};
  plan.spacing = {1, 2, 4};  // the last axis is apart: copies of the image and of its half with that axis first
  plan.image.separate_axis = SeparateAxis::always;
  EXPECT_EQ(case_memory(image, std::nullopt, plan), 4 * voxels + (4 + 4) * voxels / 2 + 4 * voxels);
}

}  // namespace
}  // namespace nnunet
