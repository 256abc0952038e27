#include "nnunet/plan/reference_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "io/expect_error.h"
#include "nnunet/io/json_reading.h"
#include "reference/random_model_plan.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using test::save;
using test::TempFolder;
using enum NormalizationScheme;

/// As a config.json of an earlier version says it.
json config_json() {
  return {
      {"patch_size", {40, 56, 40}}, {"spacings", {1.0, 1.0, 1.5}}, {"n_class", 3},
      {"in_channels", 2},           {"modality", "MRI"},           {"labels", {"background", "Anterior", "Posterior"}}};
}

ModelPlan plan_of(const json& object) {
  return reference_plan(config_from_json(object, "config.json"));
}

TEST(ReferencePlan, SaysWhatTheReferenceSystemDoes) {
  const ModelPlan plan = plan_of(config_json());
  EXPECT_EQ(plan.dim(), 3);
  EXPECT_EQ(plan.channels(), 2);
  EXPECT_EQ(plan.labels.heads(), 3);
  EXPECT_FALSE(plan.network);
  EXPECT_EQ(plan.preprocess.crop, CropRule::positive);
  EXPECT_EQ(plan.preprocess.channels, (std::vector<ChannelNormalization>{{z_score, {}}, {z_score, {}}}));
  EXPECT_EQ(plan.preprocess.normalization, NormalizationPlace::after_resampling);
  EXPECT_EQ(plan.preprocess.spacing, (std::vector{1.0, 1.0, 1.5}));
  EXPECT_EQ(plan.preprocess.image.order, 3);
  EXPECT_EQ(plan.preprocess.label.order, 1);
  EXPECT_EQ(plan.preprocess.logits.order, 1);
  EXPECT_EQ(plan.window.patch, (std::vector<std::int64_t>{40, 56, 40}));
  EXPECT_EQ(plan.window.overlap, 0.5);
  EXPECT_EQ(plan.window.mirror_axes, (std::vector{0, 1, 2}));
  EXPECT_EQ(plan.labels.entries[2], (LabelEntry{"Posterior", {2}}));
  EXPECT_NO_THROW(check_model_plan(plan, "test"));
  EXPECT_NO_THROW(check_supported(plan, "test"));
}

TEST(ReferencePlan, PlanarNetworksTakeTheLastSpacingsAndResampleNothing) {
  json object = config_json();
  object["patch_size"] = {56, 40};
  const ModelPlan plan = plan_of(object);
  EXPECT_EQ(plan.preprocess.spacing, (std::vector{1.0, 1.5}));
  EXPECT_EQ(plan.preprocess.image.method, Resampler::none);
  EXPECT_EQ(plan.preprocess.label.method, Resampler::none);
  EXPECT_EQ(plan.preprocess.logits.method, Resampler::none);
  EXPECT_EQ(plan.window.mirror_axes, (std::vector{0, 1}));
  object["spacings"] = {1.0, 1.5};
  EXPECT_EQ(plan_of(object), plan);
}

// What happens to the voxels counts, not the word.
TEST(ReferencePlan, StatisticsDecideWhateverTheModalityIs) {
  const CtStats stats{-3, 243, 104.37, 52.62};
  json object = config_json();
  object["in_channels"] = 1;
  object["modality"] = "CT";
  EXPECT_EQ(plan_of(object).preprocess.channels, (std::vector<ChannelNormalization>{{ct, {}}}));
  object["ct"] = {{"min", -3}, {"max", 243}, {"mean", 104.37}, {"std", 52.62}};
  const std::vector<ChannelNormalization> clipped{{ct, stats}};
  EXPECT_EQ(plan_of(object).preprocess.channels, clipped);
  object["modality"] = "MRI";
  EXPECT_EQ(plan_of(object).preprocess.channels, clipped);
}

TEST(ReferencePlan, NamesOfLabelsMayBeUnknown) {
  json object = config_json();
  object.erase("labels");
  const ModelPlan plan = plan_of(object);
  EXPECT_EQ(plan.labels.entries, (std::vector<LabelEntry>{{"", {0}}, {"", {1}}, {"", {2}}}));
  EXPECT_NO_THROW(check_model_plan(plan, "test"));
}

TEST(ReferencePlan, EveryTaskOfTheTable) {
  for (const TaskDefaults& task : task_table())
    for (const int dim : {2, 3}) {
      const DataConfig config = task_config(task, dim);
      const ModelPlan plan = reference_plan(
          config, make_network_plan(config.patch_size, config.spacings, config.in_channels, config.n_class, {}));
      EXPECT_NO_THROW(check_model_plan(plan, std::string(task.name)));
      EXPECT_NO_THROW(check_supported(plan, std::string(task.name)));
      EXPECT_EQ(plan.channels(), task.channels);
      EXPECT_EQ(plan.labels.heads(), task.classes);
      EXPECT_EQ(plan.preprocess.channels[0].statistics, task.ct);
      EXPECT_EQ(model_plan_from_json(model_plan_to_json(plan), "test"), plan);
    }
}

/// The error of check_supported after one change.
std::string refused(const std::function<void(ModelPlan&)>& change) {
  ModelPlan plan = plan_of(config_json());
  change(plan);
  return error_of([&] { check_supported(plan, "model.json"); });
}

TEST(CheckSupported, NamesWhatNobodyDoes) {
  const std::vector<std::pair<std::string, std::function<void(ModelPlan&)>>> changes{
      {"preprocess.image.order", [](ModelPlan& p) { p.preprocess.image.order = 2; }},
      {"preprocess.label.order_across", [](ModelPlan& p) { p.preprocess.label.order_across = 2; }},
      {"preprocess.label.method", [](ModelPlan& p) { p.preprocess.label.method = Resampler::none; }},
      {"preprocess.label_vote", [](ModelPlan& p) { p.preprocess.label.method = Resampler::torch; }},
      {"preprocess.logits.order", [](ModelPlan& p) { p.preprocess.logits.order = 3; }},
      {"preprocess.logits.method", [](ModelPlan& p) { p.preprocess.logits.method = Resampler::none; }},
      {"window.mirrored_unit", [](ModelPlan& p) { p.window.sums = SumType::fp16; }},
      {"preprocess.channels[0].use_mask", [](ModelPlan& p) { p.preprocess.channels[0].use_mask = true; }}};
  for (const auto& [field, change] : changes) {
    const std::string message = refused(change);
    EXPECT_TRUE(message.starts_with("model.json: \"" + field + "\" ")) << field << ": " << message;
  }
}

TEST(CheckSupported, TakesNnunetV2sPreprocessing) {
  PreprocessPlan plan;
  plan.transpose = {2, 0, 1};
  plan.crop = CropRule::nonzero_filled;
  plan.channels = {{.scheme = z_score, .use_mask = true, .least_std = 1e-8}, {.scheme = rgb_to_0_1}};
  plan.normalization = NormalizationPlace::before_resampling;
  plan.spacing = {1, 1, 1};
  plan.size_rounding = SizeRounding::nearest_even;
  plan.resample_when = ResamplingCondition::size_differs;
  plan.image = {.order = 3, .across = AcrossAxis::coarsest, .above_anisotropy = true};
  plan.label = {.order = 1, .across = AcrossAxis::coarsest, .above_anisotropy = true};
  plan.label_vote = LabelVote::largest;
  plan.training_fit = TrainingFit::none;
  EXPECT_NO_THROW(check_supported(plan, "plans.json"));
  plan.image.method = plan.label.method = Resampler::torch;
  EXPECT_NO_THROW(check_supported(plan, "plans.json"));
}

TEST(CheckSupported, TakesNnunetV2sWindowsAndLabels) {
  const auto regions = [](ModelPlan& p) {
    p.preprocess.logits = {.order = 1, .across = AcrossAxis::coarsest, .above_anisotropy = true};
    p.window.starts = StartRule::evenly_spread;
    p.window.weights = WindowWeights::filtered_impulse;
    p.window.sigma = 0.25;
    p.window.mirror_axes = {0, 1};
    p.window.mirrored_unit = MirroredUnit::window;
    p.window.sums = SumType::fp16;
    p.labels.decision = LabelDecision::sigmoid;
    p.labels.region_values = {1, 2};
    p.labels.ignore = 3;
    p.labels.type = LabelType::uint8_or_uint16;
  };
  EXPECT_EQ(refused(regions), "no error");
}

TEST(CheckSupported, TakesWhatMayBeChosen) {
  EXPECT_EQ(refused([](ModelPlan& p) { p.window.overlap = 0.25; }), "no error");
  EXPECT_EQ(refused([](ModelPlan& p) { p.window.weights = WindowWeights::constant; }), "no error");
  EXPECT_EQ(refused([](ModelPlan& p) { p.window.mirror = true; }), "no error");
  EXPECT_EQ(refused([](ModelPlan& p) { p.preprocess.channels[1] = {ct, CtStats{0, 1, 0, 1}}; }), "no error");
}

TEST(PlannedConfig, OldAndNewFilesGiveTheSamePlan) {
  const TempFolder folder;
  json object = config_json();
  object["ct"] = {{"min", -3}, {"max", 243}, {"mean", 104.37}, {"std", 52.62}};
  save(folder / "old.json", object.dump());
  const PlannedConfig old = read_planned_config(folder / "old.json");
  EXPECT_EQ(old.plan, plan_of(object));
  save(folder / "new.json", planned_config_text(old.config));
  const PlannedConfig anew = read_planned_config(folder / "new.json");
  EXPECT_EQ(anew.plan, old.plan);
  EXPECT_EQ(config_text(anew.config), config_text(old.config));
  EXPECT_EQ(config_text(read_config(folder / "new.json")), config_text(old.config));  // for those who ask for no plan
}

TEST(PlannedConfig, OnlyThePlanIsAdded) {
  const DataConfig config = config_from_json(config_json(), "config.json");
  json text = json::parse(planned_config_text(config));
  EXPECT_EQ(model_plan_from_json(text.at("plan"), "test"), reference_plan(config));
  text.erase("plan");
  EXPECT_EQ(text.dump(1, ' ') + "\n", config_text(config));
}

TEST(PlannedConfig, ContradictionsAndBrokenPlansAreRefused) {
  const TempFolder folder;
  const json good = json::parse(planned_config_text(config_from_json(config_json(), "config.json")));
  const auto error = [&](const std::function<void(json&)>& change) {
    json changed = good;
    change(changed);
    save(folder / "config.json", changed.dump());
    return error_of([&] { (void)read_planned_config(folder / "config.json"); });
  };
  const auto expect = [&](const std::string& message, const std::string& part) {
    EXPECT_TRUE(message.starts_with((folder / "config.json").string())) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  EXPECT_EQ(error([](json&) {}), "no error");
  EXPECT_EQ(error([](json& c) { c["plan"] = nullptr; }), "no error");
  expect(error([](json& c) {
           c["patch_size"] = {40, 56, 48};
         }),
         "its plan contradicts its other entries: \"window.patch\" is [40,56,40], not [40,56,48]");
  expect(error([](json& c) { c["spacings"] = {1, 1, 1}; }), "\"preprocess.spacing\"");
  expect(error([](json& c) { c["modality"] = "CT"; }), "\"preprocess.channels\"");
  expect(error([](json& c) { c["plan"]["window"]["overlap"] = 0.25; }), "\"window.overlap\" is 0.25, not 0.5");
  expect(error([](json& c) { c["plan"]["window"].erase("overlap"); }), "\"plan.window.overlap\" is missing");
  expect(error([](json& c) { c["plan"]["crop"] = 1; }), "\"plan.crop\" is not known");
  expect(error([](json& c) { c["plan"]["preprocess"]["crop"] = "none"; }), "\"preprocess.crop\" is \"none\", not");
  expect(error([](json& c) { c["plan"] = "yes"; }), "\"plan\" is not a JSON object");
}

TEST(PlannedConfig, ReferenceFolders) {
  NNUNET_NEEDS_SHARED("reference/preprocessed");
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test::shared_dir() / "reference/preprocessed")) {
    if (entry.path().filename() != "config.json") continue;
    const PlannedConfig planned = read_planned_config(entry.path());
    EXPECT_NO_THROW(check_model_plan(planned.plan, entry.path().string()));
    EXPECT_EQ(planned.plan.channels(), planned.config.in_channels);
    const json said = read_json(entry.path());
    EXPECT_EQ(planned.plan.preprocess.channels[0].scheme == ct, said.contains("ct")) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 8);
}

}  // namespace
}  // namespace nnunet
