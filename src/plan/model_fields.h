#pragma once
#include "enum_names.h"
#include "nnunet/plan/model_plan.h"

/// The fields of a plan under the names that they have in files, and the names of their values: the one list that
/// writing, reading and comparing go through.
namespace nnunet {

constexpr EnumNames<CropRule, 3> names_of(CropRule) {
  return {{{CropRule::none, "none"}, {CropRule::positive, "positive"}, {CropRule::nonzero_filled, "nonzero_filled"}}};
}
constexpr EnumNames<NormalizationScheme, 5> names_of(NormalizationScheme) {
  return {{{NormalizationScheme::z_score, "z_score"},
           {NormalizationScheme::ct, "ct"},
           {NormalizationScheme::none, "none"},
           {NormalizationScheme::rescale_0_1, "rescale_0_1"},
           {NormalizationScheme::rgb_to_0_1, "rgb_to_0_1"}}};
}
constexpr EnumNames<NormalizationPlace, 2> names_of(NormalizationPlace) {
  return {{{NormalizationPlace::before_resampling, "before_resampling"},
           {NormalizationPlace::after_resampling, "after_resampling"}}};
}
constexpr EnumNames<SizeRounding, 2> names_of(SizeRounding) {
  return {{{SizeRounding::truncate, "truncate"}, {SizeRounding::nearest_even, "nearest_even"}}};
}
constexpr EnumNames<ResamplingCondition, 2> names_of(ResamplingCondition) {
  return {
      {{ResamplingCondition::spacing_differs, "spacing_differs"}, {ResamplingCondition::size_differs, "size_differs"}}};
}
constexpr EnumNames<Resampler, 3> names_of(Resampler) {
  return {{{Resampler::none, "none"}, {Resampler::spline, "spline"}, {Resampler::torch, "torch"}}};
}
constexpr EnumNames<SeparateAxis, 3> names_of(SeparateAxis) {
  return {
      {{SeparateAxis::never, "never"}, {SeparateAxis::always, "always"}, {SeparateAxis::anisotropic, "anisotropic"}}};
}
constexpr EnumNames<AcrossAxis, 2> names_of(AcrossAxis) {
  return {{{AcrossAxis::first, "first"}, {AcrossAxis::coarsest, "coarsest"}}};
}
constexpr EnumNames<LabelVote, 3> names_of(LabelVote) {
  return {{{LabelVote::last_half, "last_half"}, {LabelVote::largest, "largest"}, {LabelVote::majority, "majority"}}};
}
constexpr EnumNames<TrainingFit, 2> names_of(TrainingFit) {
  return {{{TrainingFit::none, "none"}, {TrainingFit::to_patch, "to_patch"}}};
}
constexpr EnumNames<StartRule, 2> names_of(StartRule) {
  return {{{StartRule::flush_last, "flush_last"}, {StartRule::evenly_spread, "evenly_spread"}}};
}
constexpr EnumNames<WindowWeights, 3> names_of(WindowWeights) {
  return {{{WindowWeights::constant, "constant"},
           {WindowWeights::gaussian, "gaussian"},
           {WindowWeights::filtered_impulse, "filtered_impulse"}}};
}
constexpr EnumNames<MirroredUnit, 2> names_of(MirroredUnit) {
  return {{{MirroredUnit::volume, "volume"}, {MirroredUnit::window, "window"}}};
}
constexpr EnumNames<SumType, 2> names_of(SumType) {
  return {{{SumType::fp32, "fp32"}, {SumType::fp16, "fp16"}}};
}
constexpr EnumNames<LabelDecision, 2> names_of(LabelDecision) {
  return {{{LabelDecision::argmax, "argmax"}, {LabelDecision::sigmoid, "sigmoid"}}};
}
constexpr EnumNames<LabelType, 2> names_of(LabelType) {
  return {{{LabelType::uint8, "uint8"}, {LabelType::uint8_or_uint16, "uint8_or_uint16"}}};
}

template <class Visit>
void for_each_field(CtStats& stats, Visit& visit) {
  visit("min", stats.min);
  visit("max", stats.max);
  visit("mean", stats.mean);
  visit("std", stats.std);
}

template <class Visit>
void for_each_field(ChannelNormalization& channel, Visit& visit) {
  visit("scheme", channel.scheme);
  visit("statistics", channel.statistics);
  visit("use_mask", channel.use_mask);
  visit("least_std", channel.least_std);
}

template <class Visit>
void for_each_field(ResamplingRule& rule, Visit& visit) {
  visit("method", rule.method);
  visit("order", rule.order);
  visit("order_across", rule.order_across);
  visit("separate_axis", rule.separate_axis);
  visit("across", rule.across);
  visit("anisotropy", rule.anisotropy);
  visit("above_anisotropy", rule.above_anisotropy);
}

template <class Visit>
void for_each_field(PreprocessPlan& plan, Visit& visit) {
  visit("reorient", plan.reorient);
  visit("transpose", plan.transpose);
  visit("crop", plan.crop);
  visit("channels", plan.channels);
  visit("normalization", plan.normalization);
  visit("spacing", plan.spacing);
  visit("size_rounding", plan.size_rounding);
  visit("resample_when", plan.resample_when);
  visit("image", plan.image);
  visit("label", plan.label);
  visit("logits", plan.logits);
  visit("label_vote", plan.label_vote);
  visit("training_fit", plan.training_fit);
}

template <class Visit>
void for_each_field(SlidingWindowPlan& plan, Visit& visit) {
  visit("patch", plan.patch);
  visit("overlap", plan.overlap);
  visit("starts", plan.starts);
  visit("weights", plan.weights);
  visit("sigma", plan.sigma);
  visit("mirror_axes", plan.mirror_axes);
  visit("mirror", plan.mirror);
  visit("mirrored_unit", plan.mirrored_unit);
  visit("sums", plan.sums);
}

template <class Visit>
void for_each_field(LabelEntry& entry, Visit& visit) {
  visit("name", entry.name);
  visit("values", entry.values);
}

template <class Visit>
void for_each_field(LabelSpec& spec, Visit& visit) {
  visit("entries", spec.entries);
  visit("decision", spec.decision);
  visit("region_values", spec.region_values);
  visit("ignore", spec.ignore);
  visit("type", spec.type);
}

template <class Visit>
void for_each_field(ModelPlan& plan, Visit& visit) {
  visit("preprocess", plan.preprocess);
  visit("network", plan.network);
  visit("window", plan.window);
  visit("labels", plan.labels);
  visit("previous_stage", plan.previous_stage);
}

}  // namespace nnunet
