#include "nnunet/plan/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;
using Kind = GraphNode::Kind;

/// A value and its channels.
struct Value {
  std::size_t index = 0;
  std::int64_t channels = 0;
};

/// The modules that hold the parameters. Levels count from the finest, steps of the decoder from the bottom.
class Names {
 public:
  explicit Names(const NetworkPlan& plan) : v2_(plan.naming == Naming::nnunet_v2), bottom_(plan.filters.size() - 1) {}

  bool v2() const { return v2_; }
  std::string stem() const { return "encoder.stem.convs.0"; }
  std::string encoder_conv(std::size_t level, std::int64_t number) const {
    return v2_ ? fmt::format("encoder.stages.{}.0.convs.{}", level, number)
               : fmt::format("{}.conv{}", encoder(level), number + 1);
  }
  std::string encoder_block(std::size_t level, std::int64_t number) const {
    return v2_ ? fmt::format("encoder.stages.{}.blocks.{}", level, number) : encoder(level);
  }
  std::string up(std::size_t step) const {
    return v2_ ? fmt::format("decoder.transpconvs.{}", step) : fmt::format("upsamples.{}.transp_conv", step);
  }
  std::string concat(std::size_t step) const {
    return fmt::format("{}.{}.concat", v2_ ? "decoder" : "upsamples", step);
  }
  std::string decoder_block(std::size_t step, std::int64_t number) const {
    return fmt::format("decoder.stages.{}.blocks.{}", step, number);
  }
  std::string decoder_conv(std::size_t step, std::int64_t number) const {
    return v2_ ? fmt::format("decoder.stages.{}.convs.{}", step, number)
               : fmt::format("upsamples.{}.conv_block.conv{}", step, number + 1);
  }
  std::string head(std::size_t step) const {
    return v2_ ? fmt::format("decoder.seg_layers.{}", step) : "output_block.conv";
  }

 private:
  std::string encoder(std::size_t level) const {
    if (level == 0) return "input_block";
    return level == bottom_ ? "bottleneck" : fmt::format("downsamples.{}", level - 1);
  }

  bool v2_;
  std::size_t bottom_;
};

class Builder {
 public:
  explicit Builder(const NetworkPlan& plan)
      : plan_(plan), names_(plan), ones_(static_cast<std::size_t>(plan.dim), 1), bottom_(plan.filters.size() - 1) {}

  NetworkGraph build() {
    Value x{0, plan_.in_channels};
    std::vector<Value> skips, decoded;
    for (std::size_t level = 0; level <= bottom_; ++level) {
      part_ = fmt::format("encoder level {}", level);
      if (level == 0 && plan_.stem) x = unit(names_.stem(), x, plan_.filters[0], plan_.kernels[0], ones_);
      x = encoder_level(x, level);
      skips.push_back(x);
    }
    for (std::size_t level = bottom_; level-- > 0;) {
      part_ = fmt::format("decoder level {}", level);
      x = decoder_level(x, skips[level], level);
      decoded.push_back(x);
    }
    part_ = "output";
    for (std::size_t step = bottom_; step-- > 0;) {
      graph_.outputs.push_back(conv(names_.head(step), decoded[step], plan_.n_class, ones_, ones_, true).index);
      if (!plan_.deep_supervision) break;
    }
    return std::move(graph_);
  }

 private:
  Value encoder_level(Value x, std::size_t level) {
    const auto &kernel = plan_.kernels[level], &stride = plan_.strides[level];
    const std::int64_t channels = plan_.filters[level];
    const std::int64_t blocks = plan_.encoder_blocks.empty() ? (plan_.residual ? 1 : 2) : plan_.encoder_blocks[level];
    for (std::int64_t i = 0; i < blocks; ++i)
      x = plan_.residual ? residual_block(names_.encoder_block(level, i), x, channels, kernel, i == 0 ? stride : ones_)
                         : unit(names_.encoder_conv(level, i), x, channels, kernel, i == 0 ? stride : ones_);
    return x;
  }

  Value decoder_level(Value x, Value skip, std::size_t level) {
    const std::size_t step = bottom_ - 1 - level;
    const std::int64_t channels = plan_.filters[level];
    const auto& kernel = plan_.kernels[plan_.decoder_kernel == DecoderKernel::own ? level : level + 1];
    const Value up = transposed_conv(names_.up(step), x, channels, plan_.strides[level + 1]);
    x = join(Kind::concat, names_.concat(step), up, skip, 2 * channels);
    const std::int64_t blocks = plan_.decoder_blocks.empty() ? 2 : plan_.decoder_blocks[step];
    for (std::int64_t i = 0; i < blocks; ++i)
      x = plan_.residual_decoder ? residual_block(names_.decoder_block(step, i), x, channels, kernel, ones_)
                                 : unit(names_.decoder_conv(step, i), x, channels, kernel, ones_);
    return x;
  }

  Value residual_block(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel,
                       const Sizes& stride) {
    const Value first = unit(name + ".conv1", x, channels, kernel, stride);
    const Value second =
        conv(name + (names_.v2() ? ".conv2.conv" : ".conv2"), first, channels, kernel, ones_, plan_.conv_bias);
    const Value main = norm(name + (names_.v2() ? ".conv2.norm" : ".norm"), second);
    graph_.nodes.back().zero_init = names_.v2();
    return leaky_relu(name,
                      join(Kind::add, name + ".add", main, shortcut(name, x, channels, kernel, stride), channels));
  }

  Value shortcut(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel, const Sizes& stride) {
    const bool strided = std::ranges::any_of(stride, [](auto s) { return s > 1; });
    if (plan_.shortcut == Shortcut::convolution) {
      if (x.channels == channels && !strided) return x;
      return norm(name + (names_.v2() ? ".skip.0.norm" : ".norm_res"),
                  conv(name + (names_.v2() ? ".skip.0.conv" : ".downsample"), x, channels, kernel, stride, false));
    }
    if (strided) x = mean_pool(name + ".pool", x, stride);
    if (x.channels == channels) return x;
    const std::string module = name + (names_.v2() ? fmt::format(".skip.{}", strided ? 1 : 0) : ".shortcut");
    return norm(module + ".norm", conv(module + ".conv", x, channels, ones_, ones_, false));
  }

  /// Convolution, norm, rectifier.
  Value unit(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel, const Sizes& stride) {
    return leaky_relu(name, norm(name + ".norm", conv(name + ".conv", x, channels, kernel, stride, plan_.conv_bias)));
  }

  Value conv(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel, const Sizes& stride,
             bool bias) {
    Sizes padding(kernel.size());
    for (std::size_t axis = 0; axis < kernel.size(); ++axis) padding[axis] = (kernel[axis] - stride[axis] + 1) / 2;
    return add({Kind::conv, name, {x.index}, x.channels, channels, kernel, stride, std::move(padding), bias, part_});
  }
  /// nnU-Net v2 leaves its bias out with those of the convolutions.
  Value transposed_conv(const std::string& name, Value x, std::int64_t channels, const Sizes& stride) {
    const Sizes none(stride.size(), 0);
    const bool bias = !names_.v2() || plan_.conv_bias;
    return add({Kind::transposed_conv, name, {x.index}, x.channels, channels, stride, stride, none, bias, part_});
  }
  Value mean_pool(const std::string& name, Value x, const Sizes& stride) {
    const Sizes none(stride.size(), 0);
    return add({Kind::mean_pool, name, {x.index}, x.channels, x.channels, stride, stride, none, false, part_});
  }
  Value norm(const std::string& name, Value x) {
    return add({Kind::norm, name, {x.index}, x.channels, x.channels, {}, {}, {}, true, part_});
  }
  Value leaky_relu(const std::string& name, Value x) {
    return add({Kind::leaky_relu, name + ".lrelu", {x.index}, x.channels, x.channels, {}, {}, {}, false, part_});
  }
  Value join(Kind kind, const std::string& name, Value a, Value b, std::int64_t channels) {
    return add({kind, name, {a.index, b.index}, a.channels, channels, {}, {}, {}, false, part_});
  }
  Value add(GraphNode node) {
    graph_.nodes.push_back(std::move(node));
    return {graph_.nodes.size(), graph_.nodes.back().channels};
  }

  const NetworkPlan& plan_;
  Names names_;
  Sizes ones_;
  std::size_t bottom_;
  std::string part_;
  NetworkGraph graph_;
};

/// Where a module stands among torch's: nnU-Net v2's decoder has its stages first, then what leads to them.
int rank(const std::string& name, Naming naming) {
  if (naming == Naming::reference) return 0;
  int place = 0;
  for (const char* start : {"encoder.", "decoder.stages.", "decoder.transpconvs.", "decoder.seg_layers."}) {
    if (name.starts_with(start)) return place;
    ++place;
  }
  return place;
}

/// The seg layers of nnU-Net v2 are listed from the bottom up, the graph's heads from the full resolution down.
std::vector<std::size_t> parameter_order(const NetworkGraph& graph, Naming naming) {
  std::vector<std::size_t> order;
  const std::size_t heads = graph.outputs.front() - 1;
  for (std::size_t i = 0; i < heads; ++i) order.push_back(i);
  for (std::size_t i = graph.nodes.size(); i-- > heads;) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return rank(graph.nodes[i].name, naming); });
  return order;
}

}  // namespace

NetworkGraph NetworkGraph::first_heads(std::size_t count) const {
  const auto heads = static_cast<std::ptrdiff_t>(count);
  return {{nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(outputs[count - 1])},
          {outputs.begin(), outputs.begin() + heads}};
}

std::vector<int> NetworkGraph::readers() const {
  std::vector<int> count(nodes.size() + 1);
  for (const GraphNode& node : nodes)
    for (const std::size_t input : node.inputs) ++count[input];
  return count;
}

NetworkGraph network_graph(const NetworkPlan& plan) {
  check_network_plan(plan, "network");
  return Builder(plan).build();
}

Sizes weight_shape(const GraphNode& node) {
  if (node.kind == Kind::norm) return {node.channels};
  Sizes shape =
      node.kind == Kind::conv ? Sizes{node.channels, node.in_channels} : Sizes{node.in_channels, node.channels};
  shape.insert(shape.end(), node.kernel.begin(), node.kernel.end());
  return shape;
}

std::vector<NetworkParameter> network_parameters(const NetworkGraph& graph, Naming naming) {
  std::vector<NetworkParameter> parameters;
  for (const std::size_t i : parameter_order(graph, naming)) {
    const GraphNode& node = graph.nodes[i];
    if (!node.has_parameters()) continue;
    parameters.push_back({node.name + ".weight", weight_shape(node), i});
    if (node.bias) parameters.push_back({node.name + ".bias", {node.channels}, i});
  }
  return parameters;
}

std::vector<Sizes> value_sizes(const NetworkGraph& graph, const Sizes& image) {
  std::vector<Sizes> sizes{image};
  for (const GraphNode& node : graph.nodes) {
    Sizes size = sizes[node.inputs.front()];
    for (std::size_t axis = 0; axis < node.stride.size(); ++axis)
      size[axis] = node.kind == Kind::transposed_conv
                       ? size[axis] * node.stride[axis]
                       : (size[axis] + 2 * node.padding[axis] - node.kernel[axis]) / node.stride[axis] + 1;
    sizes.push_back(std::move(size));
  }
  return sizes;
}

}  // namespace nnunet
