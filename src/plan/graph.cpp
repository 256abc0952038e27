#include "nnunet/plan/graph.h"

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

class Builder {
 public:
  explicit Builder(const NetworkPlan& plan) : plan_(plan), ones_(static_cast<std::size_t>(plan.dim), 1) {}

  std::vector<GraphNode> build() {
    Value x{0, plan_.in_channels};
    std::vector<Value> skips;
    const std::size_t bottom = plan_.filters.size() - 1;
    for (std::size_t level = 0; level <= bottom; ++level) {
      x = encoder_block(level_name(level, bottom), x, level);
      skips.push_back(x);
    }
    for (std::size_t level = bottom; level > 0; --level)
      x = upsample_block("upsamples." + std::to_string(bottom - level), x, skips[level - 1], level);
    conv("output_block.conv", x, plan_.n_class, ones_, ones_, true);
    return std::move(nodes_);
  }

 private:
  static std::string level_name(std::size_t level, std::size_t bottom) {
    if (level == 0) return "input_block";
    return level == bottom ? "bottleneck" : "downsamples." + std::to_string(level - 1);
  }

  Value encoder_block(const std::string& name, Value x, std::size_t level) {
    const auto &kernel = plan_.kernels[level], &stride = plan_.strides[level];
    return plan_.residual ? residual_block(name, x, plan_.filters[level], kernel, stride)
                          : conv_block(name, x, plan_.filters[level], kernel, stride);
  }

  Value conv_block(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel, const Sizes& stride) {
    return layer(name + ".conv2", layer(name + ".conv1", x, channels, kernel, stride), channels, kernel, ones_);
  }

  Value residual_block(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel,
                       const Sizes& stride) {
    const Value first = layer(name + ".conv1", x, channels, kernel, stride);
    const Value main = norm(name + ".norm", conv(name + ".conv2", first, channels, kernel, ones_, false));
    Value shortcut = x;
    if (x.channels != channels || std::ranges::any_of(stride, [](auto s) { return s > 1; }))
      shortcut = norm(name + ".norm_res", conv(name + ".downsample", x, channels, kernel, stride, false));
    return leaky_relu(name, join(Kind::add, name + ".add", main, shortcut, channels));
  }

  Value upsample_block(const std::string& name, Value x, Value skip, std::size_t level) {
    const std::int64_t channels = plan_.filters[level - 1];
    const Value up = transposed_conv(name + ".transp_conv", x, channels, plan_.strides[level]);
    return conv_block(name + ".conv_block", join(Kind::concat, name + ".concat", up, skip, 2 * channels), channels,
                      plan_.kernels[level], ones_);
  }

  Value layer(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel, const Sizes& stride) {
    return leaky_relu(name, norm(name + ".norm", conv(name + ".conv", x, channels, kernel, stride, false)));
  }

  Value conv(const std::string& name, Value x, std::int64_t channels, const Sizes& kernel, const Sizes& stride,
             bool bias) {
    Sizes padding(kernel.size());
    for (std::size_t axis = 0; axis < kernel.size(); ++axis) padding[axis] = (kernel[axis] - stride[axis] + 1) / 2;
    return add({Kind::conv, name, {x.index}, x.channels, channels, kernel, stride, std::move(padding), bias});
  }
  Value transposed_conv(const std::string& name, Value x, std::int64_t channels, const Sizes& stride) {
    const Sizes none(stride.size(), 0);
    return add({Kind::transposed_conv, name, {x.index}, x.channels, channels, stride, stride, none, true});
  }
  Value norm(const std::string& name, Value x) {
    return add({Kind::norm, name, {x.index}, x.channels, x.channels, {}, {}, {}, true});
  }
  Value leaky_relu(const std::string& name, Value x) {
    return add({Kind::leaky_relu, name + ".lrelu", {x.index}, x.channels, x.channels, {}, {}, {}, false});
  }
  Value join(Kind kind, const std::string& name, Value a, Value b, std::int64_t channels) {
    return add({kind, name, {a.index, b.index}, a.channels, channels, {}, {}, {}, false});
  }
  Value add(GraphNode node) {
    nodes_.push_back(std::move(node));
    return {nodes_.size(), nodes_.back().channels};
  }

  const NetworkPlan& plan_;
  Sizes ones_;
  std::vector<GraphNode> nodes_;
};

}  // namespace

std::vector<GraphNode> network_graph(const NetworkPlan& plan) {
  check_network_plan(plan, "network");
  return Builder(plan).build();
}

}  // namespace nnunet
