#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/class_locations.h"
#include "nnunet/preprocess/mask.h"
#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/numpy_random.h"
#include "nnunet/preprocess/resample.h"
#include "reference/npz.h"
#include "reference/shared.h"

// The single steps against nnU-Net v2's (reference-v2/plan/functions).
namespace nnunet {
namespace {

using nlohmann::json;
using test::Npz;

constexpr const char* kNpz = "reference-v2/plan/functions.npz";

Npz arrays() {
  return Npz(test::shared_dir() / kNpz);
}
json numbers() {
  return json::parse(std::ifstream(test::shared_dir() / "reference-v2/plan/functions.json"));
}

double largest_difference(std::span<const float> got, std::span<const float> expected) {
  EXPECT_EQ(got.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])));
  return worst;
}

TEST(NnunetV2Functions, SeparateAxis) {
  NNUNET_NEEDS_SHARED(kNpz);
  for (const json& entry : numbers().at("separate_z")) {
    SCOPED_TRACE(entry.dump());
    ResamplingRule rule{.across = AcrossAxis::coarsest, .above_anisotropy = true};
    if (const json& force = entry.at("force_separate_z"); !force.is_null())
      rule.separate_axis = force.get<bool>() ? SeparateAxis::always : SeparateAxis::never;
    const auto axis = separate_axis(rule, entry.at("current").get<Spacing3>(), entry.at("new").get<Spacing3>());
    EXPECT_EQ(axis.has_value(), entry.at("separate").get<bool>());
    EXPECT_EQ(axis ? json(*axis) : json(), entry.at("axis"));
  }
}

TEST(NnunetV2Functions, SizeAfterResampling) {
  NNUNET_NEEDS_SHARED(kNpz);
  for (const json& entry : numbers().at("compute_new_shape")) {
    SCOPED_TRACE(entry.dump());
    EXPECT_EQ(resampled_shape(entry.at("old_shape").get<Shape3>(), entry.at("old_spacing").get<Spacing3>(),
                              entry.at("new_spacing").get<Spacing3>(), SizeRounding::nearest_even),
              entry.at("new_shape").get<Shape3>());
  }
}

TEST(NnunetV2Functions, Normalization) {
  NNUNET_NEEDS_SHARED(kNpz);
  using enum NormalizationScheme;
  const Npz npz = arrays();
  const json properties = numbers().at("norm_intensityproperties");
  const CtStats ct_statistics{properties.at("percentile_00_5"), properties.at("percentile_99_5"), properties.at("mean"),
                              properties.at("std")};
  const auto segmentation = npz.load<std::int16_t>("norm_seg").values;
  std::vector<std::uint8_t> mask;
  for (const std::int16_t s : segmentation) mask.push_back(s >= 0);
  const std::vector<std::pair<std::string, ChannelNormalization>> cases{
      {"ZScoreNormalization_all", {.scheme = z_score, .least_std = 1e-8}},
      {"ZScoreNormalization_mask", {.scheme = z_score, .use_mask = true, .least_std = 1e-8}},
      {"CTNormalization_all", {.scheme = ct, .statistics = ct_statistics, .least_std = 1e-8}},
      {"NoNormalization_all", {.scheme = none}},
      {"RescaleTo01Normalization_all", {.scheme = rescale_0_1, .least_std = 1e-8}},
      {"RGBTo01Normalization_all", {.scheme = rgb_to_0_1}},
      {"ZScoreNormalization_constant", {.scheme = z_score, .least_std = 1e-8}},
      {"RescaleTo01Normalization_constant", {.scheme = rescale_0_1, .least_std = 1e-8}}};
  for (const auto& [name, channel] : cases) {
    SCOPED_TRACE(name);
    const auto expected = npz.load<float>("norm_" + name).values;
    std::vector<float> values = npz.load<float>("norm_image").values;
    if (name.ends_with("constant")) values.assign(expected.size(), 7.25F);
    if (channel.scheme == rgb_to_0_1)
      for (float& v : values) v = std::clamp(v, 0.0F, 255.0F);
    normalize_channel("case", values, channel, mask);
    EXPECT_LE(largest_difference(values, expected), 1e-5);
  }
}

PreprocessPlan crop_plan(std::size_t channels) {
  PreprocessPlan plan;
  plan.crop = CropRule::nonzero_filled;
  plan.channels.assign(channels, {.scheme = NormalizationScheme::none});
  plan.spacing = {1, 1, 1};
  plan.image.method = plan.label.method = Resampler::none;
  return plan;
}

TEST(NnunetV2Functions, Crop) {
  NNUNET_NEEDS_SHARED(kNpz);
  const Npz npz = arrays();
  const json boxes = numbers().at("crop_bbox");
  for (const auto& [name, box] : boxes.items()) {
    SCOPED_TRACE(name);
    Image image;
    image.voxels = npz.load<float>("crop_" + name + "_in");
    image.geometry = {image.voxels.spatial(), {1, 1, 1}, {}, {}};
    const Shape3 shape = image.voxels.spatial();
    Array<std::uint16_t> label({shape[0], shape[1], shape[2]});
    if (npz.has("crop_" + name + "_seg_in")) label.values = npz.load<std::uint16_t>("crop_" + name + "_seg_in").values;
    const PreprocessPlan plan = crop_plan(static_cast<std::size_t>(image.voxels.size(0)));
    const PreprocessedCase item = preprocess_case(name, image, label, plan, 3);
    for (std::size_t a = 0; a < 3; ++a) {
      EXPECT_EQ(item.crop_start[a], box[a][0].get<std::int64_t>());
      EXPECT_EQ(item.crop_end[a], box[a][1].get<std::int64_t>());
    }
    EXPECT_EQ(item.x.values, npz.load<float>("crop_" + name + "_data").values);
    EXPECT_EQ(item.label->values, npz.load<std::int16_t>("crop_" + name + "_seg").values);
  }
}

/// The rule of an entry of `resampling`, whose kwargs may be left out.
struct Resampling {
  explicit Resampling(const json& entry)
      : to(entry.at("new_shape")),
        is_label(entry.at("is_seg")),
        rule{.across = AcrossAxis::coarsest, .above_anisotropy = true} {
    rule.order = entry.value("order", 3);
    rule.order_across = entry.value("order_z", 0);
    if (entry.at("function") == "resample_torch_fornnunet") rule.method = Resampler::torch;
    if (const json& force = entry.at("force_separate_z"); !force.is_null())
      rule.separate_axis = force.get<bool>() ? SeparateAxis::always : SeparateAxis::never;
    if (entry.value("memefficient_seg_resampling", false)) vote = LabelVote::majority;
    across = separate_axis(rule, entry.at("current_spacing"), entry.at("new_spacing"));
  }
  Shape3 to;
  bool is_label;
  ResamplingRule rule;
  LabelVote vote = LabelVote::largest;
  std::optional<int> across;
};

TEST(NnunetV2Functions, ResampledImages) {
  NNUNET_NEEDS_SHARED(kNpz);
  const Npz npz = arrays();
  double worst = 0;
  for (const json& entry : numbers().at("resampling")) {
    const Resampling how(entry);
    if (how.is_label) continue;
    SCOPED_TRACE(entry.dump());
    const std::string name = "resample_" + entry.at("name").get<std::string>();
    const auto in = npz.load<float>(name + "_in"), out = npz.load<float>(name + "_out");
    for (const int threads : {1, 3})
      for (std::int64_t c = 0; c < in.size(0); ++c) {
        std::vector<float> got(static_cast<std::size_t>(volume(how.to)));
        resample_volume(in.slab(c), in.spatial(), got, how.to, how.rule, how.across, threads);
        const double difference = largest_difference(got, out.slab(c));
        EXPECT_LE(difference, 1e-4);
        worst = std::max(worst, difference);
      }
  }
  RecordProperty("largest_difference", std::to_string(worst));
}

TEST(NnunetV2Functions, ResampledLabels) {
  NNUNET_NEEDS_SHARED(kNpz);
  const Npz npz = arrays();
  for (const json& entry : numbers().at("resampling")) {
    const Resampling how(entry);
    if (!how.is_label) continue;
    SCOPED_TRACE(entry.dump());
    const std::string name = "resample_" + entry.at("name").get<std::string>();
    const auto in = npz.load<std::int16_t>(name + "_in"), out = npz.load<std::int16_t>(name + "_out");
    for (const int threads : {1, 3}) {
      const auto got = resample_label(in.values, in.spatial(), how.to, how.rule, how.vote, how.across, threads);
      ASSERT_EQ(got.values.size(), out.values.size());
      std::size_t different = 0;
      for (std::size_t i = 0; i < out.values.size(); ++i) different += got.values[i] != out.values[i];
      EXPECT_EQ(different, 0U);
    }
  }
}

TEST(NnunetV2Functions, RandomDraws) {
  NNUNET_NEEDS_SHARED(kNpz);
  const json expected = numbers().at("RandomState");
  const auto draws = [&](const std::string& key, auto&& draw) {
    NumpyRandom random(expected.at("seed").get<std::uint32_t>());
    auto got = draw(random);
    got.resize(expected.at(key).size());
    EXPECT_EQ(json(got), expected.at(key)) << key;
  };
  draws("choice_with_replacement_1000_of_777", [](NumpyRandom& r) { return r.choice_with_replacement(777, 1000); });
  draws("choice_with_replacement_of_100000", [](NumpyRandom& r) { return r.choice_with_replacement(100000, 20); });
  draws("choice_without_replacement_12_of_777", [](NumpyRandom& r) { return r.permutation(777); });
  draws("permutation_20", [](NumpyRandom& r) { return r.permutation(20); });
}

TEST(NnunetV2Functions, ClassLocations) {
  NNUNET_NEEDS_SHARED(kNpz);
  Array<std::int16_t> label = arrays().load<std::int16_t>("locations_seg");
  if (label.shape.size() == 4) label.shape.erase(label.shape.begin());
  for (const json& entry : numbers().at("locations")) {
    std::vector<std::vector<int>> requests;
    for (const json& r : entry.at("requested"))
      requests.push_back(r.is_array() ? r.get<std::vector<int>>() : std::vector{r.get<int>()});
    const std::vector<ClassLocations> got = draw_class_locations(label, requests);
    const json& results = entry.at("result");
    ASSERT_EQ(got.size(), results.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const json& expected = results[i];
      SCOPED_TRACE(entry.at("requested").dump() + " " + std::to_string(i));
      ASSERT_EQ(got[i].voxels.size(), expected.at("count").get<std::size_t>());
      std::array<std::int64_t, 4> sums{};
      for (std::size_t k = 0; k < got[i].voxels.size(); ++k)
        for (std::size_t a = 0; a < 3; ++a) {
          sums[a + 1] += got[i].voxels[k][a];
          if (k < expected.at("first").size()) {
            EXPECT_EQ(got[i].voxels[k][a], expected.at("first")[k][a + 1].get<std::int64_t>());
          }
        }
      if (!got[i].voxels.empty()) {
        EXPECT_EQ(json(sums), expected.at("sum"));
      }
    }
  }
}

}  // namespace
}  // namespace nnunet
