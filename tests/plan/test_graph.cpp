#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/plan/graph.h"
#include "reference/random_plan.h"

namespace nnunet {
namespace {

NetworkPlan two_levels() {
  NetworkPlan plan;
  plan.kernels = {{3, 3, 3}, {3, 3, 3}};
  plan.strides = {{1, 1, 1}, {2, 2, 2}};
  plan.filters = {8, 16};
  return plan;
}

std::vector<std::string> names(const NetworkGraph& graph, Naming naming) {
  std::vector<std::string> list;
  for (const auto& p : network_parameters(graph, naming)) list.push_back(p.name);
  return list;
}

TEST(Graph, ParametersOfTheReferenceSystem) {
  EXPECT_EQ(names(network_graph(two_levels()), Naming::reference),
            (std::vector<std::string>{"input_block.conv1.conv.weight",
                                      "input_block.conv1.norm.weight",
                                      "input_block.conv1.norm.bias",
                                      "input_block.conv2.conv.weight",
                                      "input_block.conv2.norm.weight",
                                      "input_block.conv2.norm.bias",
                                      "bottleneck.conv1.conv.weight",
                                      "bottleneck.conv1.norm.weight",
                                      "bottleneck.conv1.norm.bias",
                                      "bottleneck.conv2.conv.weight",
                                      "bottleneck.conv2.norm.weight",
                                      "bottleneck.conv2.norm.bias",
                                      "upsamples.0.transp_conv.weight",
                                      "upsamples.0.transp_conv.bias",
                                      "upsamples.0.conv_block.conv1.conv.weight",
                                      "upsamples.0.conv_block.conv1.norm.weight",
                                      "upsamples.0.conv_block.conv1.norm.bias",
                                      "upsamples.0.conv_block.conv2.conv.weight",
                                      "upsamples.0.conv_block.conv2.norm.weight",
                                      "upsamples.0.conv_block.conv2.norm.bias",
                                      "output_block.conv.weight",
                                      "output_block.conv.bias"}));
}

TEST(Graph, DecodersOfNnunetV2ComeAfterTheirStages) {
  NetworkPlan plan = two_levels();
  plan.kernels.push_back({3, 3, 3});
  plan.strides.push_back({1, 2, 2});
  plan.filters.push_back(16);
  plan.encoder_blocks = {1, 1, 1};
  plan.decoder_blocks = {1, 1};
  plan.naming = Naming::nnunet_v2;
  plan.deep_supervision = true;
  const NetworkGraph graph = network_graph(plan);
  const auto list = names(graph, plan.naming);
  const auto place = [&](const std::string& name) { return std::ranges::find(list, name) - list.begin(); };
  EXPECT_LT(place("encoder.stages.2.0.convs.0.norm.bias"), place("decoder.stages.0.convs.0.conv.weight"));
  EXPECT_LT(place("decoder.stages.1.convs.0.norm.bias"), place("decoder.transpconvs.0.weight"));
  EXPECT_LT(place("decoder.transpconvs.1.weight"), place("decoder.seg_layers.0.weight"));
  EXPECT_LT(place("decoder.seg_layers.0.bias"), place("decoder.seg_layers.1.weight"));
  EXPECT_EQ(static_cast<std::size_t>(place("decoder.seg_layers.1.bias")) + 1, list.size());
  EXPECT_EQ(graph.maker(graph.outputs[0]).name, "decoder.seg_layers.1") << "the full resolution's is first";
  EXPECT_EQ(graph.finest().nodes.size(), graph.outputs[0]);
  EXPECT_EQ(value_sizes(graph, {8, 8, 8})[graph.outputs[1]], (std::vector<std::int64_t>{4, 4, 4}));
}

TEST(Graph, RandomPlansHaveSoundGraphs) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const NetworkPlan plan = test::random_plan(seed);
    const NetworkGraph graph = network_graph(plan);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      EXPECT_TRUE(seen.insert(graph.nodes[i].name).second) << graph.nodes[i].name;
      for (const std::size_t input : graph.nodes[i].inputs) EXPECT_LE(input, i) << "reads what is not there yet";
    }
    EXPECT_EQ(graph.outputs.size(), plan.deep_supervision ? plan.filters.size() - 1 : 1);
    for (const std::size_t output : graph.outputs) EXPECT_EQ(graph.maker(output).channels, plan.n_class);
    const auto size = total_stride(plan);
    EXPECT_EQ(value_sizes(graph, size)[graph.outputs[0]], size) << "logits are as large as the image";
  }
}

TEST(Graph, PlansComeBackFromJson) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    const NetworkPlan plan = test::random_plan(seed);
    EXPECT_EQ(plan_from_json(plan_to_json(plan), "test"), plan) << seed;
  }
}

TEST(Graph, JsonOfReferenceNetworksHasNoNewEntries) {
  const auto json = plan_to_json(two_levels());
  EXPECT_EQ(json.size(), 9U) << "older versions read it";
}

TEST(Graph, UnknownWordsAndCountsThatDoNotFitAreRefused) {
  auto json = plan_to_json(two_levels());
  json["naming"] = "another";
  EXPECT_THROW(plan_from_json(json, "test"), Error);
  NetworkPlan plan = two_levels();
  plan.encoder_blocks = {2};
  EXPECT_THROW(network_graph(plan), Error);
  plan = two_levels();
  plan.decoder_blocks = {0};
  EXPECT_THROW(network_graph(plan), Error);
  plan = two_levels();
  plan.deep_supervision = true;
  EXPECT_THROW(network_graph(plan), Error) << "the reference system has one head";
  plan = two_levels();
  plan.stem = true;
  EXPECT_THROW(network_graph(plan), Error);
}

}  // namespace
}  // namespace nnunet
