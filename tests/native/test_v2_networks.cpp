// The networks of nnU-Net v2 from their plans to the outputs of all heads, without torch:
// reference-v2/run/networks.json and ResidualUNets (fixtures/v2_checkpoints), both made in double precision by its own
// classes.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nnunet/native/native_network.h"
#include "plan/v2_parts.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;
using Sizes = std::vector<std::int64_t>;

/// networks.json's tolerance for programs in float32.
constexpr double kTolerance = 1e-4;

Json read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

const Json& networks() {
  static const Json all = [] {
    Json both = read(test::reference_file("reference-v2/run/networks.json"));
    both.update(read(std::filesystem::path(NNUNET_FIXTURES_DIR) / "v2_checkpoints/residual_unet.json"));
    return both;
  }();
  return all;
}

/// As if the network stood in plans.json.
NetworkPlan plan_of(const Json& reference) {
  const nlohmann::json configuration{
      {"architecture",
       {{"network_class_name", reference.at("network_class")}, {"arch_kwargs", reference.at("arch_kwargs")}}}};
  NetworkPlan plan = v2_parts::network(JsonFields(configuration, "networks.json", "mend it"),
                                       static_cast<int>(reference.at("patch_size").size()));
  plan.in_channels = reference.at("input_channels").get<int>();
  plan.n_class = reference.at("output_channels").get<int>();
  check_network_plan(plan, "networks.json");
  return plan;
}

std::size_t product(const Sizes& sizes) {
  return static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>()));
}

/// The k-th parameter of shared/reference/README.md.
std::vector<float> formula_weight(const NetworkParameter& parameter, std::size_t k) {
  std::vector<float> values(product(parameter.shape));
  const auto shift = static_cast<double>(k);
  const double scale = 0.6 / std::sqrt(static_cast<double>(values.size()) / static_cast<double>(parameter.shape[0]));
  for (std::size_t n = 0; n < values.size(); ++n) {
    const auto i = static_cast<double>(n);
    const double value = parameter.shape.size() > 1           ? std::sin(0.7 * i + 1.3 * shift) * scale
                         : parameter.name.ends_with("weight") ? 1 + 0.2 * std::sin(i + shift)
                                                              : 0.1 * std::cos(i + shift);
    values[n] = static_cast<float>(value);
  }
  return values;
}

/// A network with the formula's weights, and what it makes of the formula's image.
struct Computed {
  explicit Computed(const Json& reference) : plan(plan_of(reference)), graph(network_graph(plan)) {
    reference.at("patch_size").get_to(patch);
    const auto batch = reference.at("batch").get<std::int64_t>();
    NativeOptions options;
    options.training = plan.norm == Norm::batch;  // the reference's outputs are those of training
    NativeNetwork network(plan, graph, batch, patch, options);
    const auto parameters = network_parameters(graph, plan.naming);
    std::vector<std::vector<float>> weights;
    ParameterValues values;
    for (const NetworkParameter& parameter : parameters) {
      weights.push_back(formula_weight(parameter, weights.size()));
      values[parameter.name] = weights.back().data();
    }
    network.set_parameters(values);
    set_statistics(network);
    run(network, batch);
  }

  NetworkPlan plan;
  NetworkGraph graph;
  Sizes patch;
  std::vector<Sizes> shapes;
  std::vector<std::vector<float>> outputs;
  std::unordered_map<std::string, std::vector<float>> means, variances;

 private:
  void set_statistics(NativeNetwork& network) {
    if (plan.norm != Norm::batch) return;
    std::unordered_map<std::string, RunningStatistics> statistics;
    for (const GraphNode& node : graph.nodes) {
      if (node.kind != GraphNode::Kind::norm) continue;
      means[node.name].assign(static_cast<std::size_t>(node.channels), 0);
      variances[node.name].assign(static_cast<std::size_t>(node.channels), 1);
      statistics[node.name] = {means[node.name].data(), variances[node.name].data()};
    }
    network.set_running_statistics(statistics);
  }

  void run(NativeNetwork& network, std::int64_t batch) {
    std::vector<float> images(static_cast<std::size_t>(batch * plan.in_channels) * product(patch));
    for (std::size_t n = 0; n < images.size(); ++n) {
      const auto i = static_cast<double>(n);
      images[n] = static_cast<float>(std::sin(0.37 * i) + 0.5 * std::cos(0.011 * i));
    }
    const std::vector<Sizes> sizes = value_sizes(graph, patch);
    std::vector<float*> to;
    for (const std::size_t output : graph.outputs) {
      shapes.push_back({batch, plan.n_class});
      shapes.back().insert(shapes.back().end(), sizes[output].begin(), sizes[output].end());
      outputs.emplace_back(product(shapes.back()));
    }
    for (auto& output : outputs) to.push_back(output.data());
    network.forward(images.data(), to);
  }
};

class V2Networks : public testing::TestWithParam<std::string> {};

TEST_P(V2Networks, ParametersHaveTheirNamesShapesAndOrder) {
  const Json& reference = networks().at(GetParam());
  const NetworkPlan plan = plan_of(reference);
  Json listed = Json::object();
  for (const auto& p : network_parameters(network_graph(plan), plan.naming)) listed[p.name] = p.shape;
  EXPECT_EQ(listed.dump(), reference.at("parameters").dump());
}

TEST_P(V2Networks, AllHeadsAreTheReferences) {
  const Json& reference = networks().at(GetParam());
  const Computed computed(reference);
  const Json& expected = reference.at("outputs");
  ASSERT_LE(expected.size(), computed.outputs.size());
  double largest_difference = 0;
  for (std::size_t head = 0; head < expected.size(); ++head) {
    EXPECT_EQ(computed.shapes[head], expected[head].at("shape").get<Sizes>());
    const auto stride = expected[head].at("stride").get<std::size_t>();
    std::size_t at = 0;
    for (const auto& sample : expected[head].at("samples")) {
      const double difference = std::abs(static_cast<double>(computed.outputs[head].at(at)) - sample.get<double>());
      largest_difference = std::max(largest_difference, difference);
      at += stride;
    }
  }
  EXPECT_LE(largest_difference, kTolerance);
  RecordProperty("largest_difference", std::to_string(largest_difference * 1e9) + "e-9");
  if (!reference.contains("running_after_one_forward")) return;
  for (const auto& [name, values] : reference.at("running_after_one_forward").items()) {
    const std::string norm = name.substr(0, name.rfind('.'));
    const auto& found = name.ends_with("mean") ? computed.means.at(norm) : computed.variances.at(norm);
    for (std::size_t c = 0; c < values.size(); ++c)
      EXPECT_NEAR(found.at(c), values[c].get<double>(), kTolerance) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, V2Networks,
                         testing::Values("plain_3d", "plain_2d", "plain_3d_anisotropic", "plain_3d_42_classes",
                                         "plain_2d_no_deep_supervision", "plain_3d_n_conv", "plain_3d_batch_norm",
                                         "plain_2d_no_bias", "resenc_3d", "resenc_2d", "resenc_3d_anisotropic",
                                         "plain_3d_ignore", "plain_3d_regions", "plain_2d_regions_ignore",
                                         "residual_2d", "residual_3d"),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace nnunet
