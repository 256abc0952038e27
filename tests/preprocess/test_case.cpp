#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/case_memory.h"
#include "nnunet/preprocess/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/plan/reference_plan.h"

namespace nnunet {
namespace {

Image image_of(std::int64_t channels, const Shape3& s, const Spacing3& spacing = {1, 1, 1}) {
  Image image;
  image.voxels = Array<float>({channels, s[0], s[1], s[2]});
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
    image.voxels.values[i] = static_cast<float>(1.5 + std::sin(static_cast<double>(i)));
  image.geometry.shape = s;
  image.geometry.spacing = spacing;
  return image;
}

LabelMap label_of(const Shape3& s, std::uint8_t value = 1) {
  LabelMap label;
  label.voxels = Array<std::uint8_t>({s[0], s[1], s[2]}, value);
  label.geometry.shape = s;
  return label;
}

DataConfig config_3d() {
  DataConfig config;
  config.patch_size = {8, 8, 8};
  config.spacings = {1, 1, 1};
  config.n_class = 2;
  config.in_channels = 1;
  return config;
}

PreprocessedCase preprocessed(const Image& image, const LabelMap* label, const DataConfig& config, int threads = 1) {
  const ModelPlan plan = reference_plan(config);
  if (label != nullptr) return preprocess_case("case_7", image, *label, plan.preprocess, plan.labels, threads);
  return preprocess_case("case_7", image, plan.preprocess, threads);
}

// The message must name the case and hold this phrase.
void expect_error(const Image& image, const LabelMap* label, const DataConfig& config, const std::string& phrase) {
  try {
    preprocessed(image, label, config);
    ADD_FAILURE() << "no error; expected: " << phrase;
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("case_7"), std::string::npos) << text;
    EXPECT_NE(text.find(phrase), std::string::npos) << text;
  }
}

TEST(PreprocessCase, CropsResamplesAndNormalises) {
  Image image = image_of(1, {6, 10, 10}, {2, 1, 1});
  for (std::size_t i = 0; i < 100; ++i) image.voxels.values[i] = 0;  // the first slice is empty
  const LabelMap label = label_of({6, 10, 10});
  const PreprocessedCase item = preprocessed(image, &label, config_3d());
  EXPECT_EQ(item.crop_start, (Shape3{1, 0, 0}));
  EXPECT_EQ(item.crop_end, (Shape3{6, 10, 10}));
  EXPECT_EQ(item.original, (Shape3{6, 10, 10}));
  EXPECT_EQ(item.spacing, (Spacing3{2, 1, 1}));
  EXPECT_EQ(item.x.shape, (std::vector<std::int64_t>{1, 10, 10, 10}));
  ASSERT_TRUE(item.y);
  EXPECT_EQ(item.y->shape, (std::vector<std::int64_t>{10, 10, 10}));
  double sum = 0, squares = 0;
  for (const float v : item.x.values) sum += v, squares += v * v;
  EXPECT_NEAR(sum / 1000, 0, 1e-5);
  EXPECT_NEAR(squares / 1000, 1, 1e-4);
}

TEST(PreprocessCase, In2dNothingIsResampled) {
  DataConfig config = config_3d();
  config.patch_size = {8, 8};
  config.spacings = {0.5, 0.5};
  EXPECT_EQ(preprocessed(image_of(1, {3, 10, 11}), nullptr, config).x.shape, (std::vector<std::int64_t>{1, 3, 10, 11}));
}

TEST(PreprocessCase, ThreadsDoNotChangeIt) {
  DataConfig config = config_3d();
  config.in_channels = 2;
  const Image image = image_of(2, {7, 20, 21}, {1.5, 0.7, 1.2});
  const LabelMap label = label_of({7, 20, 21});
  const PreprocessedCase one = preprocessed(image, &label, config, 1), four = preprocessed(image, &label, config, 4);
  EXPECT_EQ(one.x.values, four.x.values);
  EXPECT_EQ(one.y->values, four.y->values);
}

TEST(PreprocessCase, CasesWithoutAnyLabelAreLegal) {
  const LabelMap label = label_of({4, 4, 4}, 0);
  EXPECT_NO_THROW(preprocessed(image_of(1, {4, 4, 4}), &label, config_3d()));
}

TEST(PreprocessCase, OneConstantChannelIsLegal) {
  DataConfig config = config_3d();
  config.in_channels = 2;
  Image image = image_of(2, {4, 4, 4});
  std::fill(image.voxels.slab(1).begin(), image.voxels.slab(1).end(), 5.0F);
  const PreprocessedCase item = preprocessed(image, nullptr, config);
  for (const float v : item.x.slab(1)) EXPECT_EQ(v, 0);
}

TEST(PreprocessCase, RejectsBadInput) {
  const DataConfig config = config_3d();
  const Image good = image_of(1, {4, 5, 6});
  Image bad = good;
  for (float& v : bad.voxels.values) v = -v;
  expect_error(bad, nullptr, config, "no voxel above 0");
  bad.voxels = Array<float>({1, 4, 5, 6}, 3.0F);
  expect_error(bad, nullptr, config, "constant in all channels");
  bad.voxels = Array<float>({1, 4, 5, 6});
  expect_error(bad, nullptr, config, "constant in all channels");
  bad = good;
  bad.voxels.values[50] = std::numeric_limits<float>::quiet_NaN();
  expect_error(bad, nullptr, config, "NaN");
  expect_error(image_of(2, {4, 5, 6}), nullptr, config, "2 channels, expected 1");
  expect_error(Image{}, nullptr, config, "no voxels");

  const LabelMap other = label_of({4, 6, 5});
  expect_error(good, &other, config, "shape 4x6x5 differs from the image's 4x5x6");
  const LabelMap outside = label_of({4, 5, 6}, 2);
  expect_error(good, &outside, config, "class 2");
}

TEST(PreprocessCase, RejectsWhatCannotBeResampled) {
  DataConfig config = config_3d();
  config.spacings = {1e-5, 1e-5, 1e-5};
  expect_error(image_of(1, {4, 5, 6}), nullptr, config, "voxels");
  config.spacings = {1e-3, 1e-3, 1e-3};
  expect_error(image_of(1, {4, 5, 6}), nullptr, config, "pixdim and xyzt_units");
}

TEST(PreprocessCase, ThinImagesKeepOneVoxel) {
  DataConfig config = config_3d();
  for (const Shape3 shape : {Shape3{1, 5, 6}, Shape3{4, 1, 6}, Shape3{4, 5, 1}, Shape3{1, 1, 6}}) {
    for (const Spacing3 target :
         {Spacing3{1.5, 1.5, 1.5}, Spacing3{10, 1, 1}, Spacing3{1, 10, 10}, Spacing3{9, 9, 9}}) {
      const LabelMap label = label_of(shape);
      config.spacings = {target[0], target[1], target[2]};
      const PreprocessedCase item = preprocessed(image_of(1, shape), &label, config);
      for (std::size_t a = 0; a < 3; ++a) {
        const auto size = static_cast<std::int64_t>(item.spacing[a] / target[a] *
                                                    static_cast<double>(item.crop_end[a] - item.crop_start[a]));
        EXPECT_EQ(item.x.spatial()[a], std::max<std::int64_t>(1, size));
      }
      EXPECT_EQ(item.y->spatial(), item.x.spatial());
      for (const float v : item.x.values) EXPECT_TRUE(std::isfinite(v));
    }
  }
}

TEST(PreprocessCase, CtNeedsItsStatistics) {
  DataConfig config = config_3d();
  config.modality = "CT";
  expect_error(image_of(1, {4, 5, 6}), nullptr, config, "statistics");
}

// With `ct` set the voxels are clipped and scaled by it, whatever the modality is called: the plan says so, too.
TEST(PreprocessCase, StatisticsDecideWhateverTheModalityIs) {
  DataConfig config = config_3d();
  config.ct = CtStats{1, 2, 1.5, 0.25};
  const Image image = image_of(1, {4, 5, 6});
  const PreprocessedCase item = preprocessed(image, nullptr, config);
  for (std::size_t i = 0; i < item.x.values.size(); ++i)
    EXPECT_FLOAT_EQ(item.x.values[i], (std::clamp(image.voxels.values[i], 1.0F, 2.0F) - 1.5F) / 0.25F);
  config.modality = "CT";
  EXPECT_EQ(preprocessed(image, nullptr, config).x.values, item.x.values);
}

TEST(PreprocessCase, ChannelsAreNormalisedEachByItsOwnScheme) {
  DataConfig config = config_3d();
  config.in_channels = 2;
  const Image image = image_of(2, {4, 5, 6});
  PreprocessPlan plan = reference_plan(config).preprocess;
  const PreprocessedCase both = preprocess_case("a", image, plan);
  plan.channels[1] = {NormalizationScheme::ct, CtStats{1, 2, 1.5, 0.25}};
  const PreprocessedCase mixed = preprocess_case("a", image, plan);
  EXPECT_TRUE(std::ranges::equal(mixed.x.slab(0), both.x.slab(0)));
  for (std::size_t i = 0; i < mixed.x.slab(1).size(); ++i)
    EXPECT_FLOAT_EQ(mixed.x.slab(1)[i], (std::clamp(image.voxels.slab(1)[i], 1.0F, 2.0F) - 1.5F) / 0.25F);
}

TEST(PreprocessCase, RefusesPlansThatItCannotFollow) {
  PreprocessPlan plan = reference_plan(config_3d()).preprocess;
  plan.image.order = 2;
  const auto error = [&](const auto& call) {
    try {
      call();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const Image image = image_of(1, {4, 5, 6});
  const std::string expected = "case_7: \"preprocess.image.order\" is 2";
  EXPECT_TRUE(error([&] { preprocess_case("case_7", image, plan); }).starts_with(expected));
  const LabelMap label = label_of({4, 5, 6});
  EXPECT_TRUE(error([&] { preprocess_case("case_7", image, label, plan, {}); }).starts_with(expected));
}

TEST(Anisotropic, ThresholdIsThreeOfEither) {
  EXPECT_EQ(separate_axis({}, {3, 1, 1}, {1, 1, 1}), 0);
  EXPECT_EQ(separate_axis({}, {1, 1, 1}, {1, 3, 1}), 0);
  EXPECT_EQ(separate_axis({}, {2.99, 1, 1}, {1, 1, 2.99}), std::nullopt);
  EXPECT_EQ(separate_axis({.anisotropy = 2}, {2.99, 1, 1}, {1, 1, 1}), 0);
}

TEST(CaseMemory, CountsWhatIsHeldAtATime) {
  NiftiInfo image, label;
  image.geometry.shape = label.geometry.shape = {10, 20, 30};
  image.geometry.spacing = label.geometry.spacing = {1, 1, 1};
  image.channels = 2;
  image.file_bytes = 5000;
  image.stored_bytes = 24352;
  label.file_bytes = 300;
  label.stored_bytes = 6352;
  DataConfig config = config_3d();
  config.in_channels = 2;
  config.spacings = {1, 1, 1};
  const auto plan = [&] { return reference_plan(config).preprocess; };
  const std::int64_t voxels = 6000;
  EXPECT_EQ(case_memory(image, std::nullopt, plan()), 5000 + 24352 + 8 * voxels);  // while it is read
  config.spacings = {0.5, 1, 1};
  // Image, label and its crop; the result. One axis changes: nothing is held between.
  EXPECT_EQ(case_memory(image, label, plan()), 10 * voxels + 9 * 2 * voxels);
  EXPECT_EQ(resample_image_memory({10, 20, 30}, {20, 10, 30}), 4 * voxels / 2);  // height first, then depth
  EXPECT_EQ(case_memory(image, label, plan(), {100, 20, 30}), 9 * 2 * voxels + 9 * 10 * voxels + voxels);
}

}  // namespace
}  // namespace nnunet
