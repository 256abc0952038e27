#include <fmt/format.h>

#include "planner_parts.h"

namespace nnunet::v2 {

Json architecture_json(const PlannerKind& kind, const V2Topology& topology) {
  const std::size_t stages = topology.stages(), axes = topology.patch.size();
  Json arguments{{"n_stages", stages},
                 {"features_per_stage", v2_features(stages, axes)},
                 {"conv_op", fmt::format("torch.nn.modules.conv.Conv{}d", axes)},
                 {"kernel_sizes", topology.kernels},
                 {"strides", topology.strides},
                 {kind.residual ? "n_blocks_per_stage" : "n_conv_per_stage", v2_encoder_blocks(stages, kind.residual)},
                 {"n_conv_per_stage_decoder", v2_decoder_blocks(stages, kind.residual)},
                 {"conv_bias", true},
                 {"norm_op", fmt::format("torch.nn.modules.instancenorm.InstanceNorm{}d", axes)},
                 {"norm_op_kwargs", Json{{"eps", 1e-5}, {"affine", true}}},
                 {"dropout_op", nullptr},
                 {"dropout_op_kwargs", nullptr},
                 {"nonlin", "torch.nn.LeakyReLU"},
                 {"nonlin_kwargs", Json{{"inplace", true}}}};
  return Json{{"network_class_name", fmt::format("dynamic_network_architectures.architectures.unet.{}",
                                                 kind.residual ? "ResidualEncoderUNet" : "PlainConvUNet")},
              {"arch_kwargs", std::move(arguments)},
              {"_kw_requires_import", Json::array({"conv_op", "norm_op", "dropout_op", "nonlin"})}};
}

namespace {

constexpr int kAnisotropy = 3;  // without a fraction in the file

struct ResamplingEntry {
  const char* function;
  Json image, label, logits;  ///< arguments
};

ResamplingEntry spline_entry() {
  const auto arguments = [](bool label, int order) {
    return Json{{"is_seg", label}, {"order", order}, {"order_z", 0}, {"force_separate_z", nullptr}};
  };
  return {"resample_data_or_seg_to_shape", arguments(false, 3), arguments(true, 1), arguments(false, 1)};
}

ResamplingEntry torch_entry(bool separate_axis) {
  const auto arguments = [separate_axis](bool label) {
    Json json{{"is_seg", label},
              {"force_separate_z", separate_axis ? Json(nullptr) : Json(false)},
              {"memefficient_seg_resampling", false}};
    if (separate_axis) json["separate_z_anisotropy_threshold"] = kAnisotropy;
    return json;
  };
  return {"resample_torch_fornnunet", arguments(false), arguments(true), arguments(false)};
}

ResamplingEntry resampling_entry(PlannerResampling resampling) {
  switch (resampling) {
    case PlannerResampling::torch:
      return torch_entry(false);
    case PlannerResampling::torch_separate_axis:
      return torch_entry(true);
    case PlannerResampling::none:
      return {"no_resampling_hack", Json::object(), Json::object(), Json::object()};
    case PlannerResampling::standard:
      break;
  }
  return spline_entry();
}

}  // namespace

void add_resampling(PlannerResampling resampling, Json& configuration) {
  const ResamplingEntry entry = resampling_entry(resampling);
  configuration["resampling_fn_data"] = entry.function;
  configuration["resampling_fn_seg"] = entry.function;
  configuration["resampling_fn_data_kwargs"] = entry.image;
  configuration["resampling_fn_seg_kwargs"] = entry.label;
  configuration["resampling_fn_probabilities"] = entry.function;
  configuration["resampling_fn_probabilities_kwargs"] = entry.logits;
}

}  // namespace nnunet::v2
