#include "nnunet/plan/model_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/expect_error.h"
#include "nnunet/plan/reference_plan.h"
#include "reference/random_model_plan.h"

namespace nnunet {
namespace {

using nlohmann::json;
using test::error_of;
using test::random_model_plan;

constexpr std::uint32_t kDraws = 300;

ModelPlan hippocampus() {
  const DataConfig config = task_config(*find_task("04"), 3);
  return reference_plan(config, make_network_plan(config.patch_size, config.spacings, 1, 3, {}));
}

std::string error_with(const std::function<void(ModelPlan&)>& change) {
  ModelPlan plan = hippocampus();
  change(plan);
  return error_of([&] { check_model_plan(plan, "model.json"); });
}

std::string error_of_json(const json& object) {
  return error_of([&] { (void)model_plan_from_json(object, "model.json"); });
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_TRUE(message.starts_with("model.json: ")) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

/// Calls visit(object, dotted name) for the plan's JSON and every object within it.
void for_each_object(json& value, const std::string& where,
                     const std::function<void(json&, const std::string&)>& visit) {
  if (value.is_object()) {
    visit(value, where);
    for (const auto& [key, inner] : value.items()) for_each_object(inner, where + key + ".", visit);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      for_each_object(value[i], where.substr(0, where.size() - 1) + "[" + std::to_string(i) + "].", visit);
  }
}

TEST(ModelPlan, JsonRoundTripOfRandomPlans) {
  int with_network = 0, sigmoid = 0, transposed = 0;
  for (std::uint32_t seed = 0; seed < kDraws; ++seed) {
    const ModelPlan plan = random_model_plan(seed);
    const std::string text = model_plan_to_json(plan).dump();
    const ModelPlan back = model_plan_from_json(json::parse(text), "test");
    EXPECT_EQ(back, plan) << text;
    EXPECT_EQ(first_difference(back, plan), "");
    EXPECT_EQ(model_plan_to_json(back).dump(), text);
    with_network += plan.network.has_value();
    sigmoid += plan.labels.decision == LabelDecision::sigmoid;
    transposed += plan.preprocess.transpose != std::array<int, 3>{0, 1, 2};
  }
  for (const int count : {with_network, sigmoid, transposed}) EXPECT_GT(count, 50);
}

TEST(ModelPlan, DifferentPlansHaveDifferentJson) {
  for (std::uint32_t seed = 1; seed < kDraws; ++seed) {
    const ModelPlan a = random_model_plan(seed - 1), b = random_model_plan(seed);
    EXPECT_EQ(a == b, model_plan_to_json(a) == model_plan_to_json(b));
    EXPECT_EQ(a == b, first_difference(a, b).empty());
  }
}

// Every field of every object: left out, of another type, and one more beside it.
TEST(ModelPlan, BrokenFieldsAreNamed) {
  const std::vector<std::string> optional{"network", "labels.ignore", "preprocess.channels[0].statistics"};
  ModelPlan plan = hippocampus();
  plan.labels.ignore = 3;
  plan.preprocess.channels[0] = {NormalizationScheme::ct, CtStats{0, 1, 0, 1}};
  const json good = model_plan_to_json(plan);
  int fields = 0;
  json walked = good;
  for_each_object(walked, "", [&](json& object, const std::string& where) {
    if (where == "network.") return;  // NetworkPlan's own test
    const json kept = object;
    for (const auto& [key, value] : kept.items()) {
      const std::string field = where + key;
      SCOPED_TRACE(field);
      ++fields;
      object.erase(key);
      if (std::ranges::find(optional, field) == optional.end())
        expect_part(error_of_json(walked), "\"" + field + "\" is missing");
      object[key] = value.is_boolean() ? json("yes") : json(true);
      expect_part(error_of_json(walked), field == "network" ? "network" : "\"" + field + "\" ");
      object = kept;
    }
    object["colour"] = 1;
    expect_part(error_of_json(walked), "\"" + where + "colour\" is not known");
    object = kept;
  });
  EXPECT_GT(fields, 50);
  EXPECT_EQ(model_plan_from_json(walked, "test"), plan);
}

TEST(ModelPlan, BadValuesInJson) {
  json object = model_plan_to_json(hippocampus());
  object["preprocess"]["crop"] = "smallest";
  expect_part(error_of_json(object), "\"preprocess.crop\" is \"smallest\", which is not known");
  object = model_plan_to_json(hippocampus());
  object["preprocess"]["transpose"] = {0, 1};
  expect_part(error_of_json(object), "\"preprocess.transpose\" has 2 entries, not 3");
  object = model_plan_to_json(hippocampus());
  object["window"]["patch"] = {40, 56.5, 40};
  expect_part(error_of_json(object), "\"window.patch\" holds 56.5, not a whole number");
  object = model_plan_to_json(hippocampus());
  object["version"] = 2;
  expect_part(error_of_json(object), "version 2");
  object["version"] = 0;
  expect_part(error_of_json(object), "\"version\" holds 0");
  object = model_plan_to_json(hippocampus());
  object["network"]["dropout"] = 0.5;
  expect_part(error_of_json(object), "\"dropout\" is not known");
  expect_part(error_of_json(json::array()), "is not a JSON object");
  EXPECT_ERROR(model_plan_from_json(json::object(), "config.json", "plan"), "config.json: \"plan.version\" is missing");
}

TEST(ModelPlan, PreprocessingThatCannotBe) {
  const auto error = [](const std::function<void(PreprocessPlan&)>& change) {
    return error_with([&](ModelPlan& plan) { change(plan.preprocess); });
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_part(error([](PreprocessPlan& p) { p.transpose = {0, 1, 1}; }), "\"preprocess.transpose\"");
  expect_part(error([](PreprocessPlan& p) { p.channels.clear(); }), "\"preprocess.channels\" has 0 entries");
  expect_part(error([](PreprocessPlan& p) { p.spacing = {1, 0, 1}; }), "\"preprocess.spacing\" holds 0 mm");
  expect_part(error([&](PreprocessPlan& p) { p.spacing = {1, nan, 1}; }), "\"preprocess.spacing\" holds nan mm");
  expect_part(error([](PreprocessPlan& p) { p.spacing = {1}; }), "\"preprocess.spacing\" has 1 entries");
  expect_part(error([](PreprocessPlan& p) { p.spacing = {1, 1}; }), "\"preprocess.spacing\" has 2 entries");
  expect_part(error([](PreprocessPlan& p) { p.label.order = 4; }), "\"preprocess.label.order\" holds 4");
  expect_part(error([](PreprocessPlan& p) { p.image.anisotropy = 0.5; }), "\"preprocess.image.anisotropy\" holds 0.5");
}

TEST(ModelPlan, NormalisationThatCannotBe) {
  const auto error = [](const ChannelNormalization& channel) {
    return error_with([&](ModelPlan& plan) { plan.preprocess.channels[0] = channel; });
  };
  using enum NormalizationScheme;
  expect_part(error({z_score, CtStats{0, 1, 0, 1}}), "\"preprocess.channels[0].statistics\" belongs to");
  expect_part(error({none, {}, true}), "\"preprocess.channels[0].use_mask\" belongs to");
  expect_part(error({z_score, {}, false, -1}), "\"preprocess.channels[0].least_std\" holds -1");
  expect_part(error({ct, CtStats{2, 1, 0, 1}}), "\"preprocess.channels[0].statistics.max\" holds 1");
  expect_part(error({ct, CtStats{0, 1, 0, 0}}), "\"preprocess.channels[0].statistics.std\" holds 0");
  EXPECT_EQ(error({ct, {}}), "no error");  // not known: preprocessed images can still be used
}

TEST(ModelPlan, WindowsThatCannotBe) {
  const auto error = [](const std::function<void(SlidingWindowPlan&)>& change) {
    return error_with([&](ModelPlan& plan) { change(plan.window); });
  };
  expect_part(error([](SlidingWindowPlan& w) { w.patch = {40}; }), "\"window.patch\" has 1 entries");
  expect_part(error([](SlidingWindowPlan& w) { w.patch = {40, 0, 40}; }), "\"window.patch\" holds 0");
  expect_part(error([](SlidingWindowPlan& w) { w.patch = {1 << 20, 1 << 20, 1 << 20}; }), "\"window.patch\" has more");
  expect_part(error([](SlidingWindowPlan& w) { w.overlap = 1; }), "\"window.overlap\" holds 1");
  expect_part(error([](SlidingWindowPlan& w) { w.sigma = 0; }), "\"window.sigma\" holds 0");
  expect_part(error([](SlidingWindowPlan& w) { w.mirror_axes = {3}; }), "\"window.mirror_axes\" holds 3");
  expect_part(error([](SlidingWindowPlan& w) { w.mirror_axes = {1, 1}; }), "\"window.mirror_axes\"");
  expect_part(error([](SlidingWindowPlan& w) { w.mirror_axes = {2, 1}; }), "\"window.mirror_axes\"");
  expect_part(error([](SlidingWindowPlan& w) { w.mirror_axes = {}, w.mirror = true; }), "\"window.mirror\" is true");
}

TEST(ModelPlan, LabelsThatCannotBe) {
  const auto error = [](const LabelSpec& labels) { return error_of([&] { check_label_spec(labels, "model.json"); }); };
  using enum LabelDecision;
  expect_part(error({}), "\"labels.entries\" is empty");
  expect_part(error({.entries = {{"a", {}}}}), "\"labels.entries[0].values\" is empty");
  expect_part(error({.entries = {{"a", {-1}}}}), "\"labels.entries[0].values\" holds -1");
  expect_part(error({.entries = {{"a", {1}}}}), "lacks the background");
  expect_part(error({.entries = {{"a", {0}}, {"b", {2}}}}), "\"labels.entries\" has gaps");
  expect_part(error({.entries = {{"a", {0}}, {"b", {1, 2}}}}), "\"labels.entries[1].values\" holds several");
  expect_part(error({.entries = {{"a", {0}}}, .region_values = {1}}), "\"labels.region_values\" belongs");
  expect_part(error({.entries = {{"a", {0}}}, .decision = sigmoid}), "\"labels.entries\" has no region");
  expect_part(error({.entries = {{"a", {0}}, {"b", {1, 2}}}, .decision = sigmoid}), "\"labels.region_values\" has 0");
  expect_part(error({.entries = {{"a", {0}}, {"b", {1}}}, .ignore = 1}), "\"labels.ignore\" is 1");
  EXPECT_EQ(error({.entries = {{"a", {0}}, {"b", {1, 2}}}, .decision = sigmoid, .region_values = {1}, .ignore = 3}),
            "no error");
}

// Brain tumours as nnU-Net v2 has them: regions within each other.
TEST(ModelPlan, HeadsOfRegions) {
  LabelSpec labels;
  labels.entries = {{"background", {0}}, {"whole tumour", {1, 2, 3}}, {"core", {2, 3}}, {"enhancing", {3}}};
  EXPECT_EQ(labels.regions().size(), 3U);
  EXPECT_EQ(labels.foreground_labels(), 3);
  labels.decision = LabelDecision::sigmoid;
  EXPECT_EQ(labels.heads(), 3);
  labels.entries.pop_back();
  EXPECT_EQ(labels.heads(), 2);
  EXPECT_EQ(labels.foreground_labels(), 3);
  const LabelSpec plain{.entries = {{"b", {1}}, {"background", {0}}, {"also b", {1}}}};
  EXPECT_EQ(plain.heads(), 2);
}

/// nnU-Net v2's 3d_fullres of brain tumours, as its default planner and trainer would have it: regions within each
/// other, four channels, one of them masked.
ModelPlan brain_tumours_of_v2() {
  ModelPlan plan;
  PreprocessPlan& p = plan.preprocess;
  p.transpose = {0, 2, 1};
  p.crop = CropRule::nonzero_filled;
  p.channels.assign(4, {NormalizationScheme::z_score, {}, false, 1e-8});
  p.channels[0].use_mask = true;
  p.normalization = NormalizationPlace::before_resampling;
  p.spacing = {1, 1, 1};
  p.size_rounding = SizeRounding::nearest_even;
  p.resample_when = ResamplingCondition::size_differs;
  p.image = {.order = 3, .across = AcrossAxis::coarsest, .above_anisotropy = true};
  p.label = p.logits = {.order = 1, .across = AcrossAxis::coarsest, .above_anisotropy = true};
  p.label_vote = LabelVote::largest;
  p.training_fit = TrainingFit::none;
  plan.window = {.patch = {64, 64, 64},
                 .starts = StartRule::evenly_spread,
                 .weights = WindowWeights::filtered_impulse,
                 .mirror_axes = {0, 1, 2},
                 .mirror = true,
                 .mirrored_unit = MirroredUnit::window,
                 .sums = SumType::fp16};
  plan.labels = {.entries = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}, {"enhancing", {3}}},
                 .decision = LabelDecision::sigmoid,
                 .region_values = {1, 2, 3},
                 .type = LabelType::uint8_or_uint16};
  NetworkPlan network = make_network_plan({64, 64, 64}, {1, 1, 1}, 4, 3, {});
  network.naming = Naming::nnunet_v2;
  network.conv_bias = network.deep_supervision = true;
  network.decoder_kernel = DecoderKernel::own;
  plan.network = network;
  return plan;
}

TEST(ModelPlan, SaysWhatNnunetV2Does) {
  const ModelPlan plan = brain_tumours_of_v2();
  EXPECT_NO_THROW(check_model_plan(plan, "test"));
  EXPECT_EQ(model_plan_from_json(model_plan_to_json(plan), "test"), plan);
  ModelPlan after_preprocessing = plan;  // all that follows it
  after_preprocessing.preprocess = {};
  after_preprocessing.preprocess.channels.resize(4);
  after_preprocessing.preprocess.spacing = plan.preprocess.spacing;
  after_preprocessing.preprocess.logits = plan.preprocess.logits;
  EXPECT_NO_THROW(check_supported(after_preprocessing, "plans.json"));
}

// A cascade's second stage sees the first one's labels.
TEST(ModelPlan, PreviousStage) {
  ModelPlan plan = brain_tumours_of_v2();
  plan.previous_stage = true;
  EXPECT_EQ(plan.channels(), 4);
  EXPECT_EQ(plan.input_channels(), 7);
  EXPECT_ERROR(check_model_plan(plan, "plans.json"), "\"network.in_channels\" is 4, but 7 channels");
  plan.network->in_channels = 7;
  EXPECT_NO_THROW(check_model_plan(plan, "plans.json"));
}

TEST(ModelPlan, PartsHaveToAgree) {
  EXPECT_EQ(error_with([](ModelPlan&) {}), "no error");
  expect_part(error_with([](ModelPlan& p) { p.preprocess.channels.emplace_back(); }),
              "\"network.in_channels\" is 1, but 2 channels are put in: 2 of the image");
  expect_part(error_with([](ModelPlan& p) { p.previous_stage = true; }),
              "\"network.in_channels\" is 1, but 3 channels are put in: 1 of the image, one for each");
  expect_part(error_with([](ModelPlan& p) {
                p.labels.entries.push_back({"c", {3}});
              }),
              "\"network.n_class\" is 3, but the labels need 4 heads");
  expect_part(error_with([](ModelPlan& p) {
                p.window.patch = {40, 56, 44};
              }),
              "\"network.strides\" multiply to 8x8x8, window.patch 40x56x44");
  expect_part(error_with([](ModelPlan& p) {
                p.window.patch = {56, 40};
                p.window.mirror_axes = {};
                p.preprocess.spacing = {1, 1};
              }),
              "\"network.dim\" is 3, window.patch has 2 sizes");
  expect_part(error_with([](ModelPlan& p) { p.network->filters.pop_back(); }), "numbers of filters");
}

}  // namespace
}  // namespace nnunet
