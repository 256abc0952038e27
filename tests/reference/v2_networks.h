#pragma once
#include <string>
#include <vector>

#include "reference/reference_network.h"

/// The networks of nnU-Net v2: reference-v2/run/networks.json, made in double precision.
namespace nnunet::test {

inline const std::vector<std::string> kV2Networks{"plain_3d",
                                                  "plain_2d",
                                                  "plain_3d_anisotropic",
                                                  "plain_3d_42_classes",
                                                  "plain_2d_no_deep_supervision",
                                                  "plain_3d_n_conv",
                                                  "plain_3d_batch_norm",
                                                  "plain_2d_no_bias",
                                                  "resenc_3d",
                                                  "resenc_2d",
                                                  "resenc_3d_anisotropic",
                                                  "plain_3d_ignore",
                                                  "plain_3d_regions",
                                                  "plain_2d_regions_ignore"};

inline const nlohmann::ordered_json& v2_networks() {
  static const auto all = [] {
    std::ifstream file(reference_file("reference-v2/run/networks.json"));
    return nlohmann::ordered_json::parse(file);
  }();
  return all;
}

inline NetworkPlan v2_plan(const nlohmann::ordered_json& reference) {
  const nlohmann::ordered_json& kwargs = reference.at("arch_kwargs");
  NetworkPlan plan;
  plan.in_channels = reference.at("input_channels").get<int>();
  plan.n_class = reference.at("output_channels").get<int>();
  kwargs.at("kernel_sizes").get_to(plan.kernels);
  kwargs.at("strides").get_to(plan.strides);
  kwargs.at("features_per_stage").get_to(plan.filters);
  kwargs.at("conv_bias").get_to(plan.conv_bias);
  kwargs.at("n_conv_per_stage_decoder").get_to(plan.decoder_blocks);
  plan.dim = static_cast<int>(plan.kernels.front().size());
  plan.residual = plan.stem = kwargs.contains("n_blocks_per_stage");
  kwargs.at(plan.residual ? "n_blocks_per_stage" : "n_conv_per_stage").get_to(plan.encoder_blocks);
  if (kwargs.at("norm_op").get<std::string>().find("BatchNorm") != std::string::npos) plan.norm = Norm::batch;
  plan.deep_supervision = true;  // without it the heads have parameters all the same
  plan.shortcut = Shortcut::pooling;
  plan.decoder_kernel = DecoderKernel::own;
  plan.naming = Naming::nnunet_v2;
  return plan;
}

/// With the formulas' weights.
inline UNet v2_network(const nlohmann::ordered_json& reference) {
  UNet network(v2_plan(reference));
  set_reference_weights(*network, reference);
  return network;
}

/// reference_images reads the number of channels under the reference system's name.
inline torch::Tensor v2_images(nlohmann::ordered_json reference) {
  reference["in_channels"] = reference.at("input_channels");
  return reference_images(reference, reference.at("batch").get<std::int64_t>());
}

/// Of so many values by the formula; the ignore label is the last of them where there is one.
inline torch::Tensor v2_labels(nlohmann::ordered_json reference) {
  reference["n_class"] = reference.at("n_labels_in_formula");
  return reference_labels(reference, reference.at("batch").get<std::int64_t>());
}

/// tolerance: of the largest sample.
inline void expect_samples(const torch::Tensor& output, const nlohmann::ordered_json& expected, double tolerance) {
  ASSERT_EQ(output.sizes().vec(), expected.at("shape").get<std::vector<std::int64_t>>());
  const torch::Tensor flat = output.flatten().to(torch::kDouble);
  const auto stride = expected.at("stride").get<std::int64_t>();
  const auto samples = expected.at("samples").get<std::vector<double>>();
  double largest = 0;
  for (const double s : samples) largest = std::max(largest, std::abs(s));
  for (std::size_t i = 0; i < samples.size(); ++i)
    ASSERT_NEAR(flat[static_cast<std::int64_t>(i) * stride].item<double>(), samples[i], tolerance * largest) << i;
}

}  // namespace nnunet::test
