#include <gtest/gtest.h>

#include <cmath>

#include "message_of.h"
#include "nnunet/network/unet.h"
#include "nnunet/torch_bridge/tensors.h"
#include "reference/reference_network.h"

namespace nnunet {
namespace {

using test::message_of;
using Json = nlohmann::ordered_json;

class ReferenceNetwork : public testing::TestWithParam<std::string> {};

TEST_P(ReferenceNetwork, Plan) {
  const Json reference = test::reference_networks().at(GetParam());
  const NetworkPlan plan = test::reference_plan(reference);
  EXPECT_EQ(plan.kernels, reference.at("kernels").get<decltype(plan.kernels)>());
  EXPECT_EQ(plan.strides, reference.at("strides").get<decltype(plan.strides)>());
  EXPECT_EQ(plan.filters, reference.at("filters").get<decltype(plan.filters)>());
}

TEST_P(ReferenceNetwork, ParameterNamesShapesAndOrder) {
  const Json reference = test::reference_networks().at(GetParam());
  const UNet network(test::reference_plan(reference));
  Json parameters = Json::object();
  std::int64_t count = 0;
  for (const auto& item : network->named_parameters()) {
    parameters[item.key()] = item.value().sizes().vec();
    count += item.value().numel();
  }
  EXPECT_EQ(parameters.dump(), reference.at("parameters").dump());
  EXPECT_EQ(count, reference.at("n_parameters").get<std::int64_t>());
}

TEST_P(ReferenceNetwork, Output) {
  const Json reference = test::reference_networks().at(GetParam());
  UNet network = test::precise_copy(test::reference_network(reference));
  const torch::NoGradGuard no_grad;
  const torch::Tensor output = network->forward(test::reference_images(reference).to(torch::kDouble));
  ASSERT_EQ(output.size(1), reference.at("n_class").get<std::int64_t>());
  const torch::Tensor flat = output.flatten();
  const double largest = flat.abs().max().item<double>();
  const auto expect = [&](const torch::Tensor& found, const Json& wanted) {
    const auto value = wanted.get<double>();
    EXPECT_NEAR(found.item<double>(), value, test::precise_tolerance(value, largest));
  };
  for (std::int64_t i = 0; i < 16; ++i) expect(flat[i], reference.at("output_first16").at(static_cast<std::size_t>(i)));
  expect(flat.mean(), reference.at("output_mean"));
  expect(flat.abs().mean(), reference.at("output_abs_mean"));
}

TEST_P(ReferenceNetwork, OutputInFloat32) {
  const Json reference = test::reference_networks().at(GetParam());
  UNet network = test::reference_network(reference);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = test::reference_images(reference);
  const torch::Tensor expected = test::precise_copy(network)->forward(images.to(torch::kDouble));
  const auto check = [&](const std::string& how) {
    EXPECT_LT(test::largest_share(network->forward(images), expected), test::kFloat32Logits) << how;
  };
  check("our kernels");
  network->use_fused_kernels(false);
  check("torch's operators");
  network->use_fused_kernels(true);
  network->place(torch::kCPU);
  check("our kernels, channels last");
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceNetwork, testing::ValuesIn(test::kReferenceNetworks),
                         [](const auto& parameter) { return parameter.param; });

NetworkPlan small_plan(Norm norm = Norm::instance, bool residual = false) {
  NetworkOptions options;
  options.norm = norm;
  options.residual = residual;
  return make_network_plan({16, 16}, {1.0, 1.0}, 2, 3, options);
}

TEST(UNet, InitialisationDependsOnTheSeedAlone) {
  UNet first(small_plan()), second(small_plan()), other(small_plan());
  torch::manual_seed(1);
  const torch::Tensor before = torch::rand(1);
  torch::manual_seed(1);
  first->initialize(7);
  EXPECT_TRUE(torch::equal(torch::rand(1), before)) << "torch's own generator was used";
  second->initialize(7);
  other->initialize(8);
  const auto a = state_dict(*first), b = state_dict(*second), c = state_dict(*other);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(torch::equal(to_torch(a[i].second), to_torch(b[i].second))) << a[i].first;
    if (a[i].second.dim() > 1) {
      EXPECT_FALSE(torch::equal(to_torch(a[i].second), to_torch(c[i].second))) << a[i].first;
    }
  }
}

TEST(UNet, InitialisationHasTheContractsDistribution) {
  UNet network(small_plan());
  network->initialize(3);
  const auto parameters = network->named_parameters();
  const double gain = std::sqrt(2 / (1 + 0.01 * 0.01));
  for (const auto& item : parameters) {
    const auto& values = item.value();
    if (item.key().find("transp_conv") != std::string::npos) {
      const auto& weight = parameters[item.key().substr(0, item.key().rfind('.')) + ".weight"];
      const double bound = 1 / std::sqrt(static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0)));
      EXPECT_LE(values.abs().max().item<double>(), bound * 1.000001) << item.key();
      EXPECT_NEAR(values.std().item<double>(), bound / std::sqrt(3.0), bound * 0.1) << item.key();
    } else if (values.dim() > 1) {
      const double deviation =
          gain / std::sqrt(static_cast<double>(values.numel()) / static_cast<double>(values.size(0)));
      const double error = 4 / std::sqrt(2.0 * static_cast<double>(values.numel()));
      EXPECT_NEAR(values.std().item<double>() / deviation, 1, error) << item.key();
      EXPECT_NEAR(values.mean().item<double>() / deviation, 0, 2 * error) << item.key();
    } else {
      EXPECT_TRUE((values == (item.key().ends_with("weight") ? 1 : 0)).all().item<bool>()) << item.key();
    }
  }
}

TEST(UNet, StateDictListsBuffersAsTorchDoes) {
  const UNet network(small_plan(Norm::batch));
  const auto state = state_dict(*network);
  ASSERT_GT(state.size(), 6u);
  EXPECT_EQ(state[0].first, "input_block.conv1.conv.weight");
  EXPECT_EQ(state[1].first, "input_block.conv1.norm.weight");
  EXPECT_EQ(state[2].first, "input_block.conv1.norm.bias");
  EXPECT_EQ(state[3].first, "input_block.conv1.norm.running_mean");
  EXPECT_EQ(state[4].first, "input_block.conv1.norm.running_var");
  EXPECT_EQ(state[5].first, "input_block.conv1.norm.num_batches_tracked");
  EXPECT_EQ(state[5].second.dtype, Dtype::int64);
  EXPECT_EQ(state.back().first, "output_block.conv.bias");
}

TEST(UNet, BatchNormTracksStatisticsAndUsesThemInEvaluation) {
  UNet network(small_plan(Norm::batch));
  network->initialize(1);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = torch::ones({2, 2, 16, 16}) * torch::arange(1, 3).view({2, 1, 1, 1});
  const torch::Tensor trained = network->forward(images).clone();
  const auto tracked = network->named_buffers()["input_block.conv1.norm.num_batches_tracked"];
  EXPECT_EQ(tracked.item<std::int64_t>(), 1);
  network->eval();
  EXPECT_FALSE(torch::allclose(network->forward(images), trained));
  EXPECT_EQ(tracked.item<std::int64_t>(), 1);
  // In evaluation an image's result does not depend on its neighbours.
  EXPECT_TRUE(torch::allclose(network->forward(images)[0], network->forward(images.slice(0, 0, 1))[0], 1e-4, 1e-5));
}

TEST(UNet, StateDictRoundTrip) {
  for (const Norm norm : {Norm::instance, Norm::batch, Norm::group}) {
    UNet from(small_plan(norm, true)), to(small_plan(norm, true));
    from->initialize(1);
    to->initialize(2);
    from->forward(torch::rand({2, 2, 16, 16}));
    load_state_dict(*to, state_dict(*from), "test");
    const auto a = state_dict(*from), b = state_dict(*to);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_TRUE(torch::equal(to_torch(a[i].second), to_torch(b[i].second))) << a[i].first;
  }
}

TEST(UNet, LoadingRefusesMissingUnexpectedAndMisshapenEntries) {
  UNet network(small_plan());
  network->initialize(1);
  StateDict good = state_dict(*network);
  for (auto& [name, tensor] : good) tensor = from_torch(to_torch(tensor).clone());

  StateDict missing = good, unexpected = good, misshapen = good, undefined = good;
  missing.erase(missing.begin() + 1);
  unexpected.emplace_back("heads.0.weight", HostTensor(Dtype::float32, {1}));
  misshapen.back().second = HostTensor(Dtype::float32, {5});
  undefined.back().second = HostTensor();
  network->initialize(2);
  const auto before = network->parameters().front().clone();
  const auto refusal = [&](const StateDict& state) {
    return message_of([&] { load_state_dict(*network, state, "weights.ckpt"); });
  };
  EXPECT_NE(refusal(missing).find("weights.ckpt: \"input_block.conv1.norm.weight\" is missing"), std::string::npos);
  EXPECT_NE(refusal(unexpected).find("\"heads.0.weight\""), std::string::npos);
  EXPECT_NE(refusal(misshapen).find("\"output_block.conv.bias\" has the shape (5), the network needs (3)"),
            std::string::npos)
      << refusal(misshapen);
  EXPECT_NE(refusal(undefined).find("output_block.conv.bias"), std::string::npos);
  EXPECT_TRUE(torch::equal(network->parameters().front(), before)) << "a refused state changed the network";
}

TEST(UNet, RefusesInputsThatDoNotFit) {
  UNet network(small_plan());
  EXPECT_NE(message_of([&] { network->forward(torch::zeros({1, 2, 16, 16, 16})); }).find("5 axes"), std::string::npos);
  EXPECT_NE(message_of([&] { network->forward(torch::zeros({1, 1, 16, 16})); }).find("1 channels"), std::string::npos);
  EXPECT_NE(message_of([&] { network->forward(torch::zeros({1, 2, 16, 18})); }).find("16x18"), std::string::npos);
  EXPECT_EQ(message_of([&] { network->forward(torch::zeros({1, 2, 16, 24})); }), "");
}

TEST(UNet, RefusesABrokenPlan) {
  NetworkPlan plan = small_plan();
  plan.filters.pop_back();
  EXPECT_THROW(UNet{plan}, Error);
}

TEST(UNet, NegativeSlopeBelowZeroHasAGradient) {
  NetworkPlan plan = small_plan();
  plan.negative_slope = -0.5;
  UNet network(plan);
  network->initialize(1);
  network->forward(torch::rand({1, 2, 16, 16})).sum().backward();
  EXPECT_TRUE(network->parameters().front().grad().defined());
}

TEST(UNet, ResidualBlockWithoutChangeOfShapeIsAnIdentityPath) {
  NetworkPlan plan = small_plan(Norm::instance, true);
  plan.in_channels = static_cast<int>(plan.filters[0]);
  const UNet network(plan);
  EXPECT_FALSE(network->named_parameters().contains("input_block.downsample.weight"));
  EXPECT_TRUE(network->named_parameters().contains("downsamples.0.downsample.weight") ||
              network->named_parameters().contains("bottleneck.downsample.weight"));
}

}  // namespace
}  // namespace nnunet
