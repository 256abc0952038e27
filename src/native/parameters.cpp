#include <fmt/format.h>

#include <algorithm>

#include "nnunet/native/native_unet.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

struct Names {
  void block(const std::string& name, std::int64_t in, std::int64_t out, const Sizes& kernel, const Sizes& stride,
             bool residual) {
    convolution(name + ".conv1.conv", out, in, kernel);
    norm(name + ".conv1.norm", out);
    convolution(name + (residual ? ".conv2" : ".conv2.conv"), out, out, kernel);
    norm(name + (residual ? ".norm" : ".conv2.norm"), out);
    const bool changes = in != out || std::any_of(stride.begin(), stride.end(), [](auto s) { return s > 1; });
    if (!residual || !changes) return;
    convolution(name + ".downsample", out, in, kernel);
    norm(name + ".norm_res", out);
  }
  void convolution(const std::string& name, std::int64_t first, std::int64_t second, const Sizes& kernel) {
    Sizes shape{first, second};
    shape.insert(shape.end(), kernel.begin(), kernel.end());
    list.push_back({name + ".weight", shape});
  }
  void norm(const std::string& name, std::int64_t channels) {
    list.push_back({name + ".weight", {channels}});
    bias(name, channels);
    ++norms;
  }
  void bias(const std::string& name, std::int64_t channels) { list.push_back({name + ".bias", {channels}}); }

  std::vector<NamedShape> list;
  std::int64_t norms = 0;
};

Names names_of(const NetworkPlan& plan) {
  Names names;
  const std::size_t bottom = plan.filters.size() - 1;
  for (std::size_t level = 0; level <= bottom; ++level) {
    const std::string name = level == 0        ? "input_block"
                             : level == bottom ? "bottleneck"
                                               : fmt::format("downsamples.{}", level - 1);
    names.block(name, level == 0 ? plan.in_channels : plan.filters[level - 1], plan.filters[level], plan.kernels[level],
                plan.strides[level], plan.residual);
  }
  for (std::size_t level = bottom; level > 0; --level) {
    const std::string name = fmt::format("upsamples.{}", bottom - level);
    const std::int64_t out = plan.filters[level - 1];
    names.convolution(name + ".transp_conv", plan.filters[level], out, plan.strides[level]);
    names.bias(name + ".transp_conv", out);
    names.block(name + ".conv_block", 2 * out, out, plan.kernels[level], Sizes(plan.strides[level].size(), 1), false);
  }
  names.convolution("output_block.conv", plan.n_class, plan.filters.front(),
                    Sizes(static_cast<std::size_t>(plan.dim), 1));
  names.bias("output_block.conv", plan.n_class);
  return names;
}

}  // namespace

std::vector<NamedShape> parameters_of(const NetworkPlan& plan) {
  return names_of(plan).list;
}

std::int64_t norm_layers_of(const NetworkPlan& plan) {
  return names_of(plan).norms;
}

}  // namespace nnunet
