#include "nnunet/plan/v2_plan.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "io/expect_error.h"
#include "nnunet/plan/graph.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using test::error_of;

constexpr const char* kPlans = R"({
  "dataset_name": "Dataset900_Tiny", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
  "transpose_forward": [1, 0, 2], "transpose_backward": [1, 0, 2], "label_manager": "LabelManager",
  "foreground_intensity_properties_per_channel": {
    "0": {"mean": 40.5, "std": 12.5, "percentile_00_5": -100.0, "percentile_99_5": 200.0, "max": NaN}},
  "configurations": {
    "3d_fullres": {
      "data_identifier": "nnUNetPlans_3d_fullres", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
      "patch_size": [16, 24, 16], "spacing": [2.0, 1.0, 1.5],
      "normalization_schemes": ["CTNormalization", "ZScoreNormalization"], "use_mask_for_norm": [true, true],
      "resampling_fn_data": "resample_data_or_seg_to_shape", "resampling_fn_seg": "resample_data_or_seg_to_shape",
      "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
      "resampling_fn_data_kwargs": {"is_seg": false, "order": 3, "order_z": 0, "force_separate_z": null},
      "resampling_fn_seg_kwargs": {"is_seg": true, "order": 1, "order_z": 0, "force_separate_z": null},
      "resampling_fn_probabilities_kwargs": {"is_seg": false, "order": 1, "order_z": 0, "force_separate_z": null},
      "architecture": {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
          "n_stages": 3, "features_per_stage": [4, 8, 16], "conv_op": "torch.nn.modules.conv.Conv3d",
          "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]], "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
          "n_conv_per_stage": [2, 2, 3], "n_conv_per_stage_decoder": [1, 2], "conv_bias": true,
          "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d", "norm_op_kwargs": {"eps": 1e-05, "affine": true},
          "dropout_op": null, "dropout_op_kwargs": null, "nonlin": "torch.nn.LeakyReLU",
          "nonlin_kwargs": {"inplace": true}},
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]},
      "batch_dice": false},
    "mine": {"inherits_from": "large", "spacing": [2.0, 1.0, 2.0]},
    "large": {"inherits_from": "3d_fullres", "batch_size": 4, "patch_size": [32, 24, 16]},
    "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
    "round": {"inherits_from": "trip"}, "trip": {"inherits_from": "round"}, "orphan": {"inherits_from": "nobody"}
  }})";

constexpr const char* kDataset = R"({
  "channel_names": {"1": "T1", "0": "CT"}, "labels": {"background": 0, "tumour": 2, "liver": 1},
  "numTraining": 7, "file_ending": ".nii.gz"})";

V2Files files() {
  return {parse_v2_json(kPlans, "plans.json"), parse_v2_json(kDataset, "dataset.json")};
}

ordered_json& fullres(V2Files& f) {
  return f.plans["configurations"]["3d_fullres"];
}
ordered_json& arguments(V2Files& f) {
  return fullres(f)["architecture"]["arch_kwargs"];
}

std::string error_with(const std::function<void(V2Files&)>& change) {
  V2Files changed = files();
  change(changed);
  return error_of([&] { (void)read_v2_plan(changed, "3d_fullres"); });
}

V2Plan plan_with(const std::function<void(V2Files&)>& change) {
  V2Files changed = files();
  change(changed);
  return read_v2_plan(changed, "3d_fullres");
}

#define EXPECT_NAMES(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST(V2Plan, SaysAllOfAConfiguration) {
  const V2Plan found = read_v2_plan(files(), "3d_fullres", {"nnUNetTrainer_5epochs", {0, 1, 2}});
  const ModelPlan& model = found.model;
  EXPECT_EQ(found.description.dataset, "Dataset900_Tiny");
  EXPECT_EQ(found.description.plans, "nnUNetPlans");
  EXPECT_EQ(found.description.configuration, "3d_fullres");
  EXPECT_EQ(found.description.trainer, "nnUNetTrainer_5epochs");
  EXPECT_EQ(found.description.reader, "SimpleITKIO");
  EXPECT_EQ(found.description.file_ending, ".nii.gz");
  EXPECT_EQ(found.description.channels, (std::vector<std::string>{"CT", "T1"})) << "by number";
  EXPECT_EQ(found.description.labels, (std::vector<std::string>{"background", "tumour", "liver"}));
  EXPECT_FALSE(found.description.previous_stage);

  const PreprocessPlan& preprocess = model.preprocess;
  EXPECT_FALSE(preprocess.reorient);
  EXPECT_EQ(preprocess.transpose, (std::array<int, 3>{1, 0, 2}));
  EXPECT_EQ(preprocess.crop, CropRule::nonzero_filled);
  EXPECT_EQ(preprocess.normalization, NormalizationPlace::before_resampling);
  EXPECT_EQ(preprocess.channels[0],
            (ChannelNormalization{NormalizationScheme::ct, CtStats{-100, 200, 40.5, 12.5}, false, 1e-8}))
      << "a mask changes z-scores alone";
  EXPECT_EQ(preprocess.channels[1], (ChannelNormalization{NormalizationScheme::z_score, {}, true, 1e-8}));
  EXPECT_EQ(preprocess.spacing, (std::vector<double>{2, 1, 1.5}));
  EXPECT_EQ(preprocess.size_rounding, SizeRounding::nearest_even);
  EXPECT_EQ(preprocess.resample_when, ResamplingCondition::size_differs);
  for (const auto& [rule, order] :
       {std::pair(preprocess.image, 3), std::pair(preprocess.label, 1), std::pair(preprocess.logits, 1)}) {
    EXPECT_EQ(rule.method, Resampler::spline);
    EXPECT_EQ(rule.order, order);
    EXPECT_EQ(rule.order_across, 0);
    EXPECT_EQ(rule.separate_axis, SeparateAxis::anisotropic);
    EXPECT_EQ(rule.across, AcrossAxis::coarsest);
    EXPECT_EQ(rule.anisotropy, 3);
    EXPECT_TRUE(rule.above_anisotropy);
  }
  EXPECT_EQ(preprocess.label_vote, LabelVote::largest);
  EXPECT_EQ(preprocess.training_fit, TrainingFit::none);

  EXPECT_EQ(model.window.patch, (std::vector<std::int64_t>{16, 24, 16}));
  EXPECT_EQ(model.window.overlap, 0.5);
  EXPECT_EQ(model.window.starts, StartRule::evenly_spread);
  EXPECT_EQ(model.window.weights, WindowWeights::filtered_impulse);
  EXPECT_EQ(model.window.mirror_axes, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(model.window.mirror);
  EXPECT_EQ(model.window.mirrored_unit, MirroredUnit::window);
  EXPECT_EQ(model.window.sums, SumType::fp16);

  EXPECT_EQ(model.labels.decision, LabelDecision::argmax);
  EXPECT_EQ(model.labels.heads(), 3);
  EXPECT_EQ(model.labels.type, LabelType::uint8_or_uint16);
  EXPECT_FALSE(model.previous_stage);

  const NetworkPlan& network = model.network.value();
  EXPECT_EQ(network.in_channels, 2);
  EXPECT_EQ(network.n_class, 3);
  EXPECT_EQ(network.filters, (std::vector<std::int64_t>{4, 8, 16}));
  EXPECT_EQ(network.kernels[0], (std::vector<std::int64_t>{1, 3, 3}));
  EXPECT_EQ(network.strides[1], (std::vector<std::int64_t>{1, 2, 2}));
  EXPECT_EQ(network.encoder_blocks, (std::vector<std::int64_t>{2, 2, 3}));
  EXPECT_EQ(network.decoder_blocks, (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(network.conv_bias);
  EXPECT_TRUE(network.deep_supervision);
  EXPECT_FALSE(network.residual);
  EXPECT_EQ(network.naming, Naming::nnunet_v2);
  EXPECT_EQ(network.decoder_kernel, DecoderKernel::own);
}

TEST(V2Plan, WithoutMirrorAxesNothingIsMirrored) {
  EXPECT_FALSE(read_v2_plan(files(), "3d_fullres").model.window.mirror);
  EXPECT_NAMES(error_of([] { (void)read_v2_plan(files(), "3d_fullres", {"nnUNetTrainer", {0, 3}}); }), "mirror_axes");
}

TEST(V2Plan, ConfigurationsInherit) {
  const V2Plan mine = read_v2_plan(files(), "mine");
  EXPECT_EQ(mine.model.window.patch, (std::vector<std::int64_t>{32, 24, 16})) << "of the parent";
  EXPECT_EQ(mine.model.preprocess.spacing, (std::vector<double>{2, 1, 2})) << "its own";
  EXPECT_EQ(mine.model.network, read_v2_plan(files(), "3d_fullres").model.network) << "of the grandparent";
  const auto message = [](const char* name) { return error_of([name] { (void)read_v2_plan(files(), name); }); };
  EXPECT_NAMES(message("round"), "in a circle");
  EXPECT_NAMES(message("orphan"), "no configuration \"nobody\", from which \"orphan\" inherits");
  EXPECT_NAMES(message("2d"), "no configuration \"2d\", but 3d_fullres, mine");
}

TEST(V2Plan, ACascadeTakesTheForegroundLabelsToo) {
  const V2Plan cascade = read_v2_plan(files(), "3d_cascade_fullres");
  EXPECT_TRUE(cascade.model.previous_stage);
  EXPECT_EQ(cascade.description.previous_stage, "3d_lowres");
  EXPECT_EQ(cascade.model.network->in_channels, 4);
}

TEST(V2Plan, OldPlansBuildTheSameNetwork) {
  V2Files old = files();
  old.plans.erase("label_manager");
  old.plans["foreground_intensity_properties_by_modality"] = old.plans["foreground_intensity_properties_per_channel"];
  old.plans.erase("foreground_intensity_properties_per_channel");
  old.dataset["modality"] = old.dataset["channel_names"];
  old.dataset.erase("channel_names");
  ordered_json& configuration = fullres(old);
  const ordered_json kwargs = arguments(old);
  configuration.erase("architecture");
  configuration["UNet_class_name"] = "PlainConvUNet";
  configuration["UNet_base_num_features"] = 4;
  configuration["unet_max_num_features"] = 12;
  configuration["n_conv_per_stage_encoder"] = kwargs["n_conv_per_stage"];
  configuration["n_conv_per_stage_decoder"] = kwargs["n_conv_per_stage_decoder"];
  configuration["num_pool_per_axis"] = {1, 2, 2};
  configuration["pool_op_kernel_sizes"] = kwargs["strides"];
  configuration["conv_kernel_sizes"] = kwargs["kernel_sizes"];
  ModelPlan expected = read_v2_plan(files(), "3d_fullres").model;
  expected.network->filters = {4, 8, 12};
  EXPECT_EQ(first_difference(read_v2_plan(old, "3d_fullres").model, expected), "");
  EXPECT_EQ(read_v2_plan(old, "mine").model.network, expected.network) << "made after inheritance";
  configuration["UNet_class_name"] = "ResidualEncoderUNet";
  const NetworkPlan residual = read_v2_plan(old, "3d_fullres").model.network.value();
  EXPECT_TRUE(residual.residual && residual.stem);
  EXPECT_EQ(residual.encoder_blocks, expected.network->encoder_blocks);
  configuration["UNet_class_name"] = "MyUNet";
  EXPECT_NAMES(error_of([&] { (void)read_v2_plan(old, "3d_fullres"); }), "\"MyUNet\"");
}

TEST(V2Plan, ArgumentsOfNetworksInAllForms) {
  const ModelPlan usual = read_v2_plan(files(), "3d_fullres").model;
  const auto network = [](const std::function<void(V2Files&)>& change) { return *plan_with(change).model.network; };
  const NetworkPlan numbers = network([](V2Files& f) {
    arguments(f)["kernel_sizes"] = 3;
    arguments(f)["strides"] = {1, 2, 2};
    arguments(f)["features_per_stage"] = 6;
    arguments(f)["n_conv_per_stage"] = 2;
    arguments(f)["n_conv_per_stage_decoder"] = 1;
    arguments(f).erase("conv_bias");
    arguments(f)["nonlin"] = "torch.nn.ReLU";
  });
  EXPECT_EQ(numbers.kernels, std::vector(3, std::vector<std::int64_t>(3, 3)));
  EXPECT_EQ(numbers.strides[2], (std::vector<std::int64_t>{2, 2, 2}));
  EXPECT_EQ(numbers.filters, (std::vector<std::int64_t>{6, 6, 6}));
  EXPECT_EQ(numbers.decoder_blocks, (std::vector<std::int64_t>{1, 1}));
  EXPECT_FALSE(numbers.conv_bias) << "the class's default";
  EXPECT_EQ(numbers.negative_slope, 0);
  EXPECT_EQ(network([](V2Files& f) { arguments(f)["nonlin_kwargs"]["negative_slope"] = 0.2; }).negative_slope, 0.2);
  const auto batch = [](V2Files& f) {
    arguments(f)["norm_op"] = "torch.nn.modules.batchnorm.BatchNorm3d";
    arguments(f)["norm_op_kwargs"] = nullptr;
  };
  EXPECT_EQ(network(batch).norm, Norm::batch);
  EXPECT_EQ(read_v2_plan(files(), "3d_fullres", {"nnUNetTrainerBN", {}}).model.network->norm, Norm::batch);
  const NetworkPlan residual = network([](V2Files& f) {
    fullres(f)["architecture"]["network_class_name"] = "somewhere.ResidualUNet";
    arguments(f)["n_blocks_per_stage"] = arguments(f)["n_conv_per_stage"];
    arguments(f).erase("n_conv_per_stage");
    arguments(f)["stem_channels"] = 4;
  });
  EXPECT_TRUE(residual.residual && residual.stem && residual.residual_decoder);
  EXPECT_EQ(usual.network->residual_decoder, false);
}

TEST(V2Plan, NetworksThatAreNotKnownAreNamed) {
  const auto argument = [](const char* key, const ordered_json& value) {
    return error_with([&](V2Files& f) { arguments(f)[key] = value; });
  };
  EXPECT_NAMES(error_with([](V2Files& f) { fullres(f)["architecture"]["network_class_name"] = "a.b.Primus"; }),
               "\"a.b.Primus\"");
  EXPECT_NAMES(argument("norm_op", "torch.nn.GroupNorm"), "\"torch.nn.GroupNorm\"");
  EXPECT_NAMES(argument("norm_op", "torch.nn.InstanceNorm2d"), "InstanceNorm2d");
  EXPECT_NAMES(argument("norm_op", nullptr), "norm_op\" is missing");
  EXPECT_NAMES(argument("norm_op_kwargs", {{"eps", 1e-3}, {"affine", true}}), "norm_op_kwargs.eps\" is 0.001");
  EXPECT_NAMES(argument("norm_op_kwargs", nullptr), "affine");
  EXPECT_NAMES(argument("nonlin", "torch.nn.SiLU"), "\"torch.nn.SiLU\"");
  EXPECT_NAMES(argument("dropout_op", "torch.nn.Dropout3d"), "Dropout3d");
  EXPECT_NAMES(argument("conv_op", "torch.nn.modules.conv.Conv2d"), "Conv2d");
  EXPECT_NAMES(argument("nonlin_first", true), "nonlin_first");
  EXPECT_NAMES(argument("squeeze_excitation", true), "squeeze_excitation\" is not known");
  EXPECT_NAMES(argument("n_conv_per_stage", {2, 2}), "n_conv_per_stage\" has 2 entries, 3 are needed");
  EXPECT_NAMES(argument("strides", {{1, 1, 1}, {1, 2}, {2, 2, 2}}), "[1,2]");
  EXPECT_NAMES(argument("strides", {1, 3, 2}), "a stride of 3");
}

TEST(V2Plan, ResamplingOfAllKinds) {
  const auto image_rule = [](const char* function, const ordered_json& kwargs) {
    return plan_with([&](V2Files& f) {
             fullres(f)["resampling_fn_data"] = function;
             fullres(f)["resampling_fn_data_kwargs"] = kwargs;
           })
        .model.preprocess.image;
  };
  constexpr const char *kSpline = "resample_data_or_seg_to_shape", *kTorch = "resample_torch_fornnunet";
  const ResamplingRule bare = image_rule(kSpline, ordered_json::object());
  EXPECT_EQ(bare.order, 3);
  EXPECT_EQ(bare.separate_axis, SeparateAxis::never) << "absent is not null";
  EXPECT_EQ(image_rule(kSpline, {{"force_separate_z", true}}).separate_axis, SeparateAxis::always);
  EXPECT_EQ(image_rule(kSpline, {{"separate_z_anisotropy_threshold", 4.5}}).anisotropy, 4.5);
  EXPECT_EQ(image_rule(kTorch, ordered_json::object()).separate_axis, SeparateAxis::anisotropic);
  EXPECT_EQ(image_rule(kTorch, {{"is_seg", false}, {"force_separate_z", false}}).separate_axis, SeparateAxis::never);
  EXPECT_EQ(image_rule(kTorch, {{"force_separate_z", nullptr}}).method, Resampler::torch);
  EXPECT_EQ(image_rule("no_resampling_hack", ordered_json::object()).method, Resampler::none);

  const auto refusal = [](const char* kind, const char* function, const ordered_json& kwargs) {
    return error_with([&](V2Files& f) {
      fullres(f)[std::string("resampling_fn_") + kind] = function;
      fullres(f)[std::string("resampling_fn_") + kind + "_kwargs"] = kwargs;
    });
  };
  EXPECT_NAMES(refusal("data", "resample_my_way", {}), "\"resample_my_way\"");
  EXPECT_NAMES(refusal("data", kSpline, {{"order", 2}}), "order\" is 2");
  EXPECT_NAMES(refusal("data", kSpline, {{"is_seg", true}}), "is_seg");
  EXPECT_NAMES(refusal("seg", kSpline, ordered_json::object()), "is_seg");
  EXPECT_NAMES(refusal("data", kSpline, {{"mode", "linear"}}), "mode\" is not known");
  EXPECT_NAMES(refusal("probabilities", kTorch, {{"mode", "nearest"}}), "\"nearest\"");
  EXPECT_NAMES(refusal("seg", kTorch, {{"is_seg", true}, {"memefficient_seg_resampling", true}}), "memefficient");
}

TEST(V2Plan, PreprocessingThatIsNotKnownIsNamed) {
  const auto entry = [](const char* key, const ordered_json& value) {
    return error_with([&](V2Files& f) { fullres(f)[key] = value; });
  };
  EXPECT_NAMES(entry("normalization_schemes", {"CTNormalization", "MyNormalization"}), "\"MyNormalization\"");
  EXPECT_NAMES(entry("normalization_schemes", {"CTNormalization"}), "has 1 entries, dataset.json has 2 channels");
  EXPECT_NAMES(entry("preprocessor_name", "MyPreprocessor"), "\"MyPreprocessor\"");
  EXPECT_NAMES(entry("patch_size", {16, 24}), "patch_size has 2 entries");
  EXPECT_NAMES(entry("patch_size", {16, 24, 18}), "patch_size\" is 16x24x18, no multiple");
  EXPECT_NAMES(entry("spacing", nullptr), "configurations.3d_fullres.spacing\" is missing");
  EXPECT_NAMES(error_with([](V2Files& f) { f.plans["label_manager"] = "MyManager"; }), "\"MyManager\"");
  EXPECT_NAMES(error_with([](V2Files& f) { f.plans["transpose_forward"] = {0, 1, 1}; }), "transpose");
  EXPECT_NAMES(error_with([](V2Files& f) { f.plans.erase("foreground_intensity_properties_per_channel"); }),
               "foreground_intensity_properties_per_channel\" is missing");
  EXPECT_NAMES(
      error_with([](V2Files& f) { f.plans["foreground_intensity_properties_per_channel"]["0"]["std"] = nullptr; }),
      "std\" is missing");
  EXPECT_NAMES(error_with([](V2Files& f) { f.plans = ordered_json::array(); }), "no plans of nnU-Net v2");
  EXPECT_TRUE(plan_with([](V2Files& f) {
                f.plans["image_reader_writer"] = "NibabelIOWithReorient";
              }).model.preprocess.reorient);
}

TEST(V2Plan, Labels) {
  const auto spec = [](const char* labels, const char* order = "null") {
    V2Files f = files();
    f.dataset["labels"] = ordered_json::parse(labels);
    f.dataset["regions_class_order"] = ordered_json::parse(order);
    return v2_labels(f);
  };
  const LabelSpec regions =
      spec(R"({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "zenith": 3, "ignore": 4})", "[1, 2, 3]");
  EXPECT_EQ(regions.decision, LabelDecision::sigmoid);
  EXPECT_EQ(regions.heads(), 3);
  EXPECT_EQ(regions.regions()[1].name, "core") << "in the order of the file";
  EXPECT_EQ(regions.region_values, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(regions.ignore, 4);
  EXPECT_EQ(regions.foreground_labels(), 3);
  const LabelSpec lists = spec(R"({"background": 0, "a": [1], "b": "2"})");
  EXPECT_EQ(lists.decision, LabelDecision::argmax) << "lists of one label are no regions";
  EXPECT_EQ(lists.heads(), 3);

  const auto refusal = [&](const char* labels, const char* order = "null") {
    return error_of([&] { (void)spec(labels, order); });
  };
  EXPECT_NAMES(refusal(R"({"a": 1})"), "background\" is missing");
  EXPECT_NAMES(refusal(R"({"background": 1, "a": 0})"), "background\" is 1");
  EXPECT_NAMES(refusal(R"({"background": [0], "a": 1})"), "it must be 0");
  EXPECT_NAMES(refusal(R"({"background": 0, "a": [1, 2], "b": 2})"), "regions_class_order\" is missing");
  EXPECT_NAMES(refusal(R"({"background": 0, "a": [1, 2], "b": 2})", "[1]"), "1 entries for 2 regions");
  EXPECT_NAMES(refusal(R"({"background": 0, "a": 1, "ignore": 3})"), "the largest label + 1");
  EXPECT_NAMES(refusal(R"({"background": 0, "a": 1, "ignore": [2]})"), "it must be one number");
  EXPECT_NAMES(refusal(R"({"background": 0, "a": 1.5})"), "1.5");
  EXPECT_NAMES(refusal(R"({"background": 0, "a": 2})"), "\"labels\" are not consecutive: 2 follows 0");
}

TEST(V2Plan, PythonsJson) {
  const ordered_json read = parse_v2_json(R"({"b": NaN, "a": [-Infinity, Infinity, "NaN \" NaN"]})", "x.json");
  EXPECT_EQ(read.dump(), R"({"b":null,"a":[null,null,"NaN \" NaN"]})");
  EXPECT_ERROR(parse_v2_json("{", "x.json"), "x.json");
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Every plan that nnU-Net made: all its planners, with what they say of each configuration.
TEST(V2Plan, PlansOfAllPlannersAreRead) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/real");
  int read = 0;
  for (const auto& dataset : std::filesystem::directory_iterator(test::shared_dir() / "reference-v2/plan/real"))
    for (const auto& entry : std::filesystem::directory_iterator(dataset)) {
      const std::string name = entry.path().filename().string();
      if (name == "dataset.json" || name == "dataset_fingerprint.json") continue;
      const V2Files found{parse_v2_json(text_of(entry), name),
                          parse_v2_json(text_of(dataset.path() / "dataset.json"), "dataset.json")};
      for (const std::string& configuration : v2_configurations(found)) {
        SCOPED_TRACE(entry.path().string() + " " + configuration);
        const V2Plan plan = read_v2_plan(found, configuration);
        const json expected = v2_configuration(found, configuration);
        EXPECT_EQ(json(plan.model.window.patch), expected.at("patch_size"));
        EXPECT_EQ(json(plan.model.network->strides), expected.at("architecture").at("arch_kwargs").at("strides"));
        const bool torch = name.find("_torchres") != std::string::npos, none = name.find("_noRes") != std::string::npos;
        EXPECT_EQ(plan.model.preprocess.image.method,
                  none ? Resampler::none : (torch ? Resampler::torch : Resampler::spline));
        ++read;
      }
    }
  EXPECT_GE(read, 60);
}

TEST(V2Plan, SyntheticPlansAreRead) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/synthetic");
  int read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_dir() / "reference-v2/plan/synthetic")) {
    const ordered_json whole = parse_v2_json(text_of(entry), entry.path().string());
    for (const auto& [planner, plans] : whole.at("plans").items()) {
      const V2Files found{plans, whole.at("dataset_json")};
      for (const std::string& configuration : v2_configurations(found)) {
        SCOPED_TRACE(entry.path().string() + " " + planner + " " + configuration);
        (void)read_v2_plan(found, configuration);
        ++read;
      }
    }
  }
  EXPECT_GT(read, 200);
}

}  // namespace
}  // namespace nnunet
