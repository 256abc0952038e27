#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "nnunet/io/json_reading.h"
#include "v2_parts.h"

namespace nnunet::v2_parts {
namespace {

using nlohmann::json;

/// Divisors of nnU-Net v2's normalisation are no smaller.
constexpr double kLeastStd = 1e-8;
constexpr double kAnisotropy = 3;

enum class Content { image, label, logits };

ChannelNormalization ct_channel(const JsonFields& plans, std::size_t channel) {
  constexpr const char *kKey = "foreground_intensity_properties_per_channel",
                       *kOldKey = "foreground_intensity_properties_by_modality";
  const JsonFields statistics =
      plans.object(plans.has(kKey) || !plans.has(kOldKey) ? kKey : kOldKey).object(std::to_string(channel));
  CtStats ct{statistics.real("percentile_00_5"), statistics.real("percentile_99_5"), statistics.real("mean"),
             std::max(statistics.real("std"), kLeastStd)};
  return {NormalizationScheme::ct, ct, false, kLeastStd};
}

ChannelNormalization channel_normalization(const JsonFields& plans, const JsonFields& configuration,
                                           const std::string& scheme, bool use_mask, std::size_t channel) {
  if (scheme == "CTNormalization") return ct_channel(plans, channel);
  if (scheme == "ZScoreNormalization") return {NormalizationScheme::z_score, {}, use_mask, kLeastStd};
  if (scheme == "RescaleTo01Normalization") return {NormalizationScheme::rescale_0_1, {}, false, kLeastStd};
  if (scheme == "RGBTo01Normalization") return {NormalizationScheme::rgb_to_0_1, {}, false, 0};
  if (scheme == "NoNormalization") return {NormalizationScheme::none, {}, false, 0};
  configuration.fail("normalization_schemes",
                     fmt::format("holds \"{}\", known are CTNormalization, ZScoreNormalization, "
                                 "RescaleTo01Normalization, RGBTo01Normalization and NoNormalization",
                                 scheme));
}

std::vector<ChannelNormalization> normalization(const JsonFields& plans, const JsonFields& configuration,
                                                std::size_t channels) {
  const std::vector<std::string> schemes = configuration.texts("normalization_schemes");
  const json& masks = configuration.list("use_mask_for_norm");
  for (const auto& [key, size] :
       {std::pair("normalization_schemes", schemes.size()), std::pair("use_mask_for_norm", masks.size())})
    if (size != channels)
      configuration.fail(key, fmt::format("has {} entries, dataset.json has {} channels", size, channels));
  std::vector<ChannelNormalization> found;
  for (std::size_t c = 0; c < channels; ++c) {
    if (!masks[c].is_boolean()) configuration.fail("use_mask_for_norm", "holds what is neither true nor false");
    found.push_back(channel_normalization(plans, configuration, schemes[c], masks[c].get<bool>(), c));
  }
  return found;
}

void require_kind(const JsonFields& arguments, Content content) {
  if ((arguments.has("is_seg") && arguments.boolean("is_seg")) != (content == Content::label))
    arguments.fail("is_seg", content == Content::label ? "is not true: label maps would be interpolated as images"
                                                       : "is true: images would be resampled as label maps");
}

int spline_order(const JsonFields& arguments, const std::string& key, int usual) {
  if (!arguments.has(key)) return usual;
  const auto order = static_cast<int>(arguments.whole(key, 0, 5));
  if (order != 0 && order != 1 && order != 3)
    arguments.fail(key, fmt::format("is {}, known are 0 (nearest neighbour), 1 (linear) and 3 (cubic)", order));
  return order;
}

/// null and absent are not the same to one of the functions.
SeparateAxis separate_axis(const JsonFields& arguments, bool null_given, SeparateAxis absent) {
  if (arguments.has("force_separate_z"))
    return arguments.boolean("force_separate_z") ? SeparateAxis::always : SeparateAxis::never;
  return null_given ? SeparateAxis::anisotropic : absent;
}

void require_text(const JsonFields& arguments, const std::string& key, std::string_view usual) {
  if (arguments.has(key) && arguments.text(key) != usual)
    arguments.fail(key, fmt::format("is \"{}\", known is \"{}\"", arguments.text(key), usual));
}

ResamplingRule spline_rule(const JsonFields& arguments, bool null_given) {
  arguments.allow_only({"is_seg", "order", "order_z", "force_separate_z", "separate_z_anisotropy_threshold"});
  return {.method = Resampler::spline,
          .order = spline_order(arguments, "order", 3),
          .order_across = spline_order(arguments, "order_z", 0),
          .separate_axis = separate_axis(arguments, null_given, SeparateAxis::never)};
}

ResamplingRule torch_rule(const JsonFields& arguments, bool null_given) {
  arguments.allow_only({"is_seg", "num_threads", "device", "memefficient_seg_resampling", "force_separate_z",
                        "separate_z_anisotropy_threshold", "mode", "aniso_axis_mode"});
  require_text(arguments, "mode", "linear");
  require_text(arguments, "aniso_axis_mode", "nearest-exact");
  if (arguments.has("memefficient_seg_resampling") && arguments.boolean("memefficient_seg_resampling"))
    arguments.fail("memefficient_seg_resampling", "is true, known is false");
  return {.method = Resampler::torch,
          .order = 1,
          .order_across = 0,
          .separate_axis = separate_axis(arguments, null_given, SeparateAxis::anisotropic)};
}

/// kind: "data", "seg" or "probabilities".
ResamplingRule resampling(const JsonFields& configuration, const std::string& kind, Content content) {
  const std::string key = "resampling_fn_" + kind, arguments_key = key + "_kwargs";
  const std::string name = configuration.text(key);
  const json none = json::object();
  const JsonFields arguments = configuration.has(arguments_key)
                                   ? configuration.object(arguments_key)
                                   : JsonFields(none, configuration.name(), kRemedy, arguments_key + ".");
  if (name == "no_resampling_hack") {
    arguments.allow_only({});
    return {.method = Resampler::none};
  }
  require_kind(arguments, content);
  const bool null_given = configuration.has(arguments_key) &&
                          configuration.at(arguments_key).contains("force_separate_z") &&
                          configuration.at(arguments_key).at("force_separate_z").is_null();
  ResamplingRule rule;
  if (name == "resample_data_or_seg_to_shape")
    rule = spline_rule(arguments, null_given);
  else if (name == "resample_torch_fornnunet")
    rule = torch_rule(arguments, null_given);
  else
    configuration.fail(key, fmt::format("is \"{}\", known are resample_data_or_seg_to_shape, resample_torch_fornnunet "
                                        "and no_resampling_hack",
                                        name));
  constexpr const char* kThreshold = "separate_z_anisotropy_threshold";
  rule.across = AcrossAxis::coarsest;
  rule.anisotropy = arguments.has(kThreshold) ? arguments.real(kThreshold) : kAnisotropy;
  rule.above_anisotropy = true;
  return rule;
}

}  // namespace

PreprocessPlan preprocessing(const V2Files& files, const JsonFields& fields, std::size_t channels) {
  const json top = files.plans;
  const JsonFields plans(top, files.plans_name, kRemedy);
  if (fields.has("preprocessor_name") && fields.text("preprocessor_name") != "DefaultPreprocessor")
    fields.fail("preprocessor_name",
                fmt::format("is \"{}\", known is DefaultPreprocessor", fields.text("preprocessor_name")));
  PreprocessPlan plan;
  plan.reorient = plans.text("image_reader_writer").ends_with("WithReorient");
  const auto axes = plans.wholes("transpose_forward", 0, 2);
  if (axes.size() != 3) plans.fail("transpose_forward", fmt::format("has {} entries, not 3", axes.size()));
  std::ranges::transform(axes, plan.transpose.begin(), [](std::int64_t axis) { return static_cast<int>(axis); });
  plan.crop = CropRule::nonzero_filled;
  plan.channels = normalization(plans, fields, channels);
  plan.normalization = NormalizationPlace::before_resampling;
  plan.spacing = fields.reals("spacing");
  plan.size_rounding = SizeRounding::nearest_even;
  plan.resample_when = ResamplingCondition::size_differs;
  plan.image = resampling(fields, "data", Content::image);
  plan.label = resampling(fields, "seg", Content::label);
  plan.logits = resampling(fields, "probabilities", Content::logits);
  plan.label_vote = LabelVote::largest;
  plan.training_fit = TrainingFit::none;
  return plan;
}

}  // namespace nnunet::v2_parts
