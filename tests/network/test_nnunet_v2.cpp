// The networks of nnU-Net v2 (reference-v2/run/networks.json, made in double precision), by torch's operators
// in double and by the native engine.
#include <gtest/gtest.h>

#include <fstream>

#include "nnunet/network/native.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

Json networks() {
  std::ifstream file(test::reference_file("reference-v2/run/networks.json"));
  return Json::parse(file);
}

NetworkPlan plan_of(const Json& reference) {
  const Json& kwargs = reference.at("arch_kwargs");
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

/// reference_images reads the number of channels under the reference system's name.
torch::Tensor images_of(Json reference) {
  reference["in_channels"] = reference.at("input_channels");
  return test::reference_images(reference, reference.at("batch").get<std::int64_t>());
}

void expect_samples(const torch::Tensor& output, const Json& expected, double tolerance) {
  ASSERT_EQ(output.sizes().vec(), expected.at("shape").get<std::vector<std::int64_t>>());
  const torch::Tensor flat = output.flatten().to(torch::kDouble);
  const auto stride = expected.at("stride").get<std::int64_t>();
  const auto samples = expected.at("samples").get<std::vector<double>>();
  double largest = 0;
  for (const double s : samples) largest = std::max(largest, std::abs(s));
  for (std::size_t i = 0; i < samples.size(); ++i)
    ASSERT_NEAR(flat[static_cast<std::int64_t>(i) * stride].item<double>(), samples[i], tolerance * largest) << i;
}

class NetworkV2 : public testing::TestWithParam<std::string> {};

TEST_P(NetworkV2, ParametersHaveItsNamesShapesAndOrder) {
  const Json reference = networks().at(GetParam());
  const UNet network(plan_of(reference));
  Json parameters = Json::object();
  for (const auto& item : network->named_parameters()) parameters[item.key()] = item.value().sizes().vec();
  EXPECT_EQ(parameters.dump(), reference.at("parameters").dump());
  Json listed = Json::object();
  for (const auto& p : network_parameters(network->graph(), Naming::nnunet_v2)) listed[p.name] = p.shape;
  EXPECT_EQ(listed.dump(), reference.at("parameters").dump());
}

TEST_P(NetworkV2, HeadsAreTheReferences) {
  const Json reference = networks().at(GetParam());
  UNet network(plan_of(reference));
  test::set_reference_weights(*network, reference);
  UNet precise = test::precise_copy(network);
  const torch::NoGradGuard no_grad;
  const auto heads = precise->forward_heads(images_of(reference).to(torch::kDouble));
  const Json& outputs = reference.at("outputs");
  ASSERT_GE(heads.size(), outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) expect_samples(heads[i], outputs[i], 1e-9);
}

TEST_P(NetworkV2, TheNativeEngineComputesIt) {
  const Json reference = networks().at(GetParam());
  UNet network(plan_of(reference));
  test::set_reference_weights(*network, reference);
  const torch::NoGradGuard no_grad;
  NativeForward native(network);
  expect_samples(native.forward(images_of(reference), false), reference.at("outputs")[0], test::kFloat32Logits);
}

TEST_P(NetworkV2, LastNormOfEachResidualBlockStartsAtZero) {
  const Json reference = networks().at(GetParam());
  UNet network(plan_of(reference));
  network->initialize(1);
  Json zeros = Json::array();
  for (const auto& item : network->named_parameters())
    if (item.key().ends_with("weight") && item.value().abs().max().item<float>() == 0) zeros.push_back(item.key());
  EXPECT_EQ(zeros.dump(), reference.at("weights_zero_after_init").dump());
}

INSTANTIATE_TEST_SUITE_P(All, NetworkV2,
                         testing::Values("plain_3d", "plain_2d", "plain_3d_anisotropic", "plain_3d_42_classes",
                                         "plain_2d_no_deep_supervision", "plain_3d_n_conv", "plain_3d_batch_norm",
                                         "plain_2d_no_bias", "resenc_3d", "resenc_2d", "resenc_3d_anisotropic",
                                         "plain_3d_ignore", "plain_3d_regions", "plain_2d_regions_ignore"),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace nnunet
