#include "nnunet/data/augmentation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

const ZoomOperator kZoom{{1, 0.75F, 0.76F}};
const FlipOperator kFlip{1};
const NoiseOperator kNoise{{1, 0.2F, 0.21F}};
const BlurOperator kBlur{{1, 0.8F, 0.9F}};
const BrightnessOperator kBrightness{{1, 1.2F, 1.25F}};
const ContrastOperator kContrast{{1, 1.3F, 1.4F}};

TEST(AugmentationList, TheReferenceIsOnePassInItsOrder) {
  const AugmentationList list = reference_augmentation();
  ASSERT_EQ(list.size(), 6U);
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i].index(), i);
  EXPECT_EQ(fused_passes(list), std::vector<AugmentationList>{list});
  EXPECT_TRUE(fits_recipe(list));
  EXPECT_EQ(list, reference_augmentation());
}

TEST(AugmentationList, PassesAreCutWhereTheOrderBreaks) {
  using Passes = std::vector<AugmentationList>;
  EXPECT_EQ(fused_passes({}), Passes());
  EXPECT_EQ(fused_passes({kFlip, kContrast}), (Passes{{kFlip, kContrast}}));
  EXPECT_EQ(fused_passes({kNoise, kZoom, kBlur, kBlur}), (Passes{{kNoise}, {kZoom, kBlur}, {kBlur}}));
  EXPECT_EQ(fused_passes({kContrast, kBrightness}), (Passes{{kContrast}, {kBrightness}}));
}

TEST(AugmentationList, WhatTheGpuCannotDo) {
  EXPECT_TRUE(fits_recipe({}));
  EXPECT_TRUE(fits_recipe({kZoom, kBlur}));
  EXPECT_FALSE(fits_recipe({kBlur, kZoom}));
  EXPECT_FALSE(fits_recipe({BlurOperator{{0.1F, 0.5F, 3}}}));
}

TEST(AugmentationList, ImpossibleOnesAreRefused) {
  check_augmentation(reference_augmentation());
  const AugmentationList bad{
      ZoomOperator{{0.5F, 0, 1}}, ZoomOperator{{0.5F, 0.5F, 1.5F}}, FlipOperator{1.5F},
      FlipOperator{NAN},          NoiseOperator{{-0.1F, 0, 1}},     NoiseOperator{{0.1F, -1, 1}},
      BlurOperator{{0.1F, 2, 1}}, BrightnessOperator{{0.1F, 0, 1}}, ContrastOperator{{0.1F, 1, INFINITY}}};
  for (const AugmentationOperator& op : bad) EXPECT_THROW(check_augmentation({op}), Error) << op.index();
}

TEST(AugmentationList, AnOperatorLeftOutLeavesTheOthersTheirStrengths) {
  CounterRng all(1, 2, 3, 4), some(1, 2, 3, 4);
  const Augmentation with = draw_augmentation({kNoise, kBlur}, all, Axes::Volume);
  const Augmentation without = draw_augmentation({NoiseOperator{{0, 0.2F, 0.21F}}, kBlur}, some, Axes::Volume);
  EXPECT_EQ(without.noise_std, 0);
  EXPECT_GT(with.noise_std, 0);
  EXPECT_EQ(with.blur_sigma, without.blur_sigma);
}

/// A patch of (C,D,H,W), or (D,C,H,W) for slices, and the case that it is cut from.
struct Sample {
  std::vector<float> from_image, image;
  std::vector<std::uint8_t> from_label, label;
  CaseView from;
  PatchView to;
  Axes axes;

  explicit Sample(Axes a) : axes(a) {
    const Shape3 whole{9, 20, 23}, patch{6, 16, 17};
    for (std::int64_t i = 0; i < 2 * volume(whole); ++i)
      from_image.push_back(std::sin(0.37F * static_cast<float>(i)) + 0.01F * static_cast<float>(i % 113));
    for (std::int64_t i = 0; i < volume(whole); ++i) from_label.push_back(static_cast<std::uint8_t>(i * i % 5));
    image.resize(static_cast<std::size_t>(2 * volume(patch)));
    label.resize(static_cast<std::size_t>(volume(patch)));
    from = {from_image.data(), from_label.data(), 2, whole};
    const std::int64_t plane = patch[1] * patch[2];
    const bool slices = axes == Axes::InPlane;
    to = {image.data(), label.data(), 2, patch, slices ? plane : volume(patch), slices ? 2 * plane : plane};
  }

  void augment(const std::vector<AugmentationList>& passes) {
    CounterRng coins(7, 1, 2, 2);
    std::vector<Augmentation> drawn;
    for (const AugmentationList& pass : passes) drawn.push_back(draw_augmentation(pass, coins, axes));
    AugmentScratch scratch;
    augment_in_passes(from, {1, 2, 3}, drawn, axes, {7, 1, 2, 3}, to, scratch);
  }
};

/// Each operator as a pass of its own.
std::vector<AugmentationList> one_by_one(const AugmentationList& list) {
  std::vector<AugmentationList> passes;
  for (const AugmentationOperator& op : list) passes.push_back({op});
  return passes;
}

// The noise comes from the stream of its pass: only lists that begin with it can be compared to the last bit.
TEST(AugmentationList, FusedOrOneByOneIsTheSame) {
  const std::vector<AugmentationList> lists{{kZoom, kFlip, kBlur, kBrightness, kContrast},
                                            {kNoise, kBlur, kContrast},
                                            {kNoise, kZoom, kFlip, kBlur},
                                            {kContrast, kBrightness, kFlip, kZoom},
                                            {kFlip, kFlip},
                                            {}};
  for (const Axes axes : {Axes::Volume, Axes::InPlane})
    for (const AugmentationList& list : lists) {
      Sample fused(axes), plain(axes);
      fused.augment(fused_passes(list));
      plain.augment(one_by_one(list));
      EXPECT_EQ(fused.image, plain.image) << list.size();
      EXPECT_EQ(fused.label, plain.label) << list.size();
    }
}

TEST(AugmentationList, TheOrderCounts) {
  Sample there(Axes::Volume), back(Axes::Volume), crop(Axes::Volume), twice(Axes::Volume);
  there.augment(fused_passes({kNoise, kBlur}));
  back.augment(fused_passes({kBlur, kNoise}));
  EXPECT_NE(there.image, back.image);
  crop.augment({});
  twice.augment(fused_passes({kFlip, kFlip}));
  EXPECT_EQ(twice.image, crop.image);  // flipped there and back
  EXPECT_EQ(twice.label, crop.label);
}

TEST(AugmentationList, TwoNoisesAreNotTheSame) {
  Sample crop(Axes::Volume), once(Axes::Volume), twice(Axes::Volume);
  crop.augment({});
  once.augment({{kNoise}});
  twice.augment({{kNoise}, {kNoise}});
  double product = 0, first_square = 0, second_square = 0;
  for (std::size_t i = 0; i < crop.image.size(); ++i) {
    const auto first = static_cast<double>(once.image[i] - crop.image[i]);
    const auto second = static_cast<double>(twice.image[i] - once.image[i]);
    product += first * second;
    first_square += first * first;
    second_square += second * second;
  }
  EXPECT_LT(std::abs(product) / std::sqrt(first_square * second_square), 0.1);
}

}  // namespace
}  // namespace nnunet
