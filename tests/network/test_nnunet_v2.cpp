// The networks of nnU-Net v2 (reference-v2/run/networks.json, made in double precision), by torch's operators
// in double and by the native engine.
#include <gtest/gtest.h>

#include "nnunet/network/native.h"
#include "reference/v2_networks.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;
using test::expect_samples;
using test::v2_networks;

class NetworkV2 : public testing::TestWithParam<std::string> {};

TEST_P(NetworkV2, ParametersHaveItsNamesShapesAndOrder) {
  const Json& reference = v2_networks().at(GetParam());
  const UNet network(test::v2_plan(reference));
  Json parameters = Json::object();
  for (const auto& item : network->named_parameters()) parameters[item.key()] = item.value().sizes().vec();
  EXPECT_EQ(parameters.dump(), reference.at("parameters").dump());
  Json listed = Json::object();
  for (const auto& p : network_parameters(network->graph(), Naming::nnunet_v2)) listed[p.name] = p.shape;
  EXPECT_EQ(listed.dump(), reference.at("parameters").dump());
}

TEST_P(NetworkV2, HeadsAreTheReferences) {
  const Json& reference = v2_networks().at(GetParam());
  UNet network = test::v2_network(reference);
  UNet precise = test::precise_copy(network);
  const torch::NoGradGuard no_grad;
  const auto heads = precise->forward_heads(test::v2_images(reference).to(torch::kDouble));
  const Json& outputs = reference.at("outputs");
  ASSERT_GE(heads.size(), outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) expect_samples(heads[i], outputs[i], 1e-9);
}

TEST_P(NetworkV2, TheNativeEngineComputesIt) {
  const Json& reference = v2_networks().at(GetParam());
  UNet network = test::v2_network(reference);
  const torch::NoGradGuard no_grad;
  NativeForward native(network);
  const torch::Tensor images = test::v2_images(reference);
  expect_samples(native.forward(images, false), reference.at("outputs")[0], test::kFloat32Logits);
  const Json& outputs = reference.at("outputs");
  const auto heads = native.forward_heads(images, outputs.size(), false);
  ASSERT_EQ(heads.size(), outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) expect_samples(heads[i], outputs[i], test::kFloat32Logits);
}

TEST_P(NetworkV2, LastNormOfEachResidualBlockStartsAtZero) {
  const Json& reference = v2_networks().at(GetParam());
  UNet network(test::v2_plan(reference));
  network->initialize(1);
  Json zeros = Json::array();
  for (const auto& item : network->named_parameters())
    if (item.key().ends_with("weight") && item.value().abs().max().item<float>() == 0) zeros.push_back(item.key());
  EXPECT_EQ(zeros.dump(), reference.at("weights_zero_after_init").dump());
}

INSTANTIATE_TEST_SUITE_P(All, NetworkV2, testing::ValuesIn(test::kV2Networks),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace nnunet
