#include "model_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "nnunet/checkpoint/weights.h"
#include "nnunet/plan/flops.h"
#include "nnunet/plan/graph.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;
using Sizes = std::vector<std::int64_t>;

constexpr double kMebi = 1024 * 1024;

double product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), 1.0,
                         [](double a, std::int64_t b) { return a * static_cast<double>(b); });
}

std::string scheme_text(const ChannelNormalization& channel) {
  switch (channel.scheme) {
    case NormalizationScheme::ct:
      return fmt::format("clip to {:.6g} .. {:.6g}, then (x - {:.6g}) / {:.6g}", channel.statistics->min,
                         channel.statistics->max, channel.statistics->mean, channel.statistics->std);
    case NormalizationScheme::none:
      return "none";
    case NormalizationScheme::rescale_0_1:
      return "rescale to 0 .. 1";
    case NormalizationScheme::rgb_to_0_1:
      return "x / 255";
    case NormalizationScheme::z_score:
      break;
  }
  return channel.use_mask ? "z-score within the mask of voxels that are not 0" : "z-score";
}

std::string resampler_text(const ResamplingRule& rule) {
  switch (rule.method) {
    case Resampler::none:
      return "none";
    case Resampler::torch:
      return "torch, linear";
    case Resampler::spline:
      break;
  }
  return fmt::format("spline of order {}", rule.order);
}

/// Bytes of the activations that are held at the same time for one window, in float32: norms and rectifiers work in
/// place, a concatenation is read where its parts are.
double activation_bytes(const NetworkGraph& graph, const Sizes& patch) {
  const std::vector<Sizes> sizes = value_sizes(graph, patch);
  const std::size_t values = graph.nodes.size() + 1;
  std::vector<std::vector<std::size_t>> parts(values);  // what each value is held as
  std::vector<std::size_t> last(values);                // operator that reads each held value last
  std::vector<double> bytes(values);
  const auto channels = [&](std::size_t v) {
    return v == 0 ? graph.nodes.front().in_channels : graph.maker(v).channels;
  };
  parts[0] = {0};
  for (std::size_t v = 0; v < values; ++v)
    bytes[v] = sizeof(float) * static_cast<double>(channels(v)) * product(sizes[v]);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    using Kind = GraphNode::Kind;
    const GraphNode& node = graph.nodes[i];
    std::vector<std::size_t> read;
    for (const std::size_t input : node.inputs) read.insert(read.end(), parts[input].begin(), parts[input].end());
    for (const std::size_t held : read) last[held] = i;
    const bool in_place = node.kind == Kind::norm || node.kind == Kind::leaky_relu || node.kind == Kind::concat;
    parts[i + 1] = in_place ? read : std::vector{i + 1};
    if (!in_place) last[i + 1] = graph.nodes.size();
  }
  double most = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    double held = 0;
    for (std::size_t v = 0; v <= i + 1; ++v)
      if (parts[v] == std::vector{v} && last[v] >= i) held += bytes[v];
    most = std::max(most, held);
  }
  return most;
}

}  // namespace

NetworkPlan of_prediction(NetworkPlan plan) {
  plan.deep_supervision = false;
  return plan;
}

Json resampling_rows(const PreprocessPlan& plan) {
  return {{"image", resampler_text(plan.image)}, {"logits", resampler_text(plan.logits)}};
}

Json channel_rows(const PreprocessPlan& plan, const std::vector<std::string>& names) {
  Json rows = Json::array();
  for (std::size_t c = 0; c < plan.channels.size(); ++c)
    rows.push_back({{"channel", c},
                    {"name", c < names.size() ? names[c] : std::string()},
                    {"normalisation", scheme_text(plan.channels[c])}});
  return rows;
}

Json label_rows(const LabelSpec& labels) {
  Json rows = Json::array();
  std::size_t region = 0;
  const std::size_t regions = labels.decision == LabelDecision::sigmoid ? labels.regions().size() : 0;
  for (const LabelEntry& entry : labels.entries) {
    Json row{{"label", fmt::format("{}", fmt::join(entry.values, " "))}, {"name", entry.name}};
    const bool background = std::ranges::all_of(entry.values, [](int value) { return value == 0; });
    if (regions > 0) row["leaves"] = background ? std::string("0") : std::to_string(labels.region_values[region++]);
    rows.push_back(std::move(row));
  }
  if (labels.ignore) {
    Json row{{"label", std::to_string(*labels.ignore)}, {"name", "ignore (not annotated)"}};
    if (regions > 0) row["leaves"] = "";
    rows.push_back(std::move(row));
  }
  return rows;
}

Json network_rows(const NetworkPlan& plan, const Sizes& patch) {
  double numbers = 0;
  for (const auto& [name, shape] : state_entries(plan)) numbers += product(shape);
  const NetworkPlan finest = of_prediction(plan);
  const double weights = numbers * sizeof(float), activations = activation_bytes(network_graph(finest), patch);
  return {{"class", plan.residual_decoder ? "ResidualUNet"
                    : plan.residual       ? "ResidualEncoderUNet"
                                          : "PlainConvUNet"},
          {"in_channels", plan.in_channels},
          {"heads", plan.n_class},
          {"filters", plan.filters},
          {"strides", plan.strides},
          {"kernels", plan.kernels},
          {"norm", norm_name(plan.norm)},
          {"parameters", static_cast<std::int64_t>(numbers)},
          {"flops_per_patch", count_flops(finest, patch).forward},
          {"weights_mib", weights / kMebi},
          {"activations_mib", activations / kMebi}};
}

}  // namespace nnunet
