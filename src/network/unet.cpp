#include "nnunet/network/unet.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/network/recompute.h"

namespace nnunet {

UNetImpl::UNetImpl(NetworkPlan plan) : plan_(std::move(plan)) {
  check_network_plan(plan_, "network");
  total_stride_ = nnunet::total_stride(plan_);
  const std::size_t levels = plan_.filters.size(), bottom = levels - 1;

  // torch lists parameters in the order of registration, which must be the reference's.
  encoder_.push_back(register_module("input_block", encoder_block(0)));
  torch::nn::ModuleList downsamples;
  for (std::size_t level = 1; level < bottom; ++level) {
    encoder_.push_back(encoder_block(level));
    downsamples->push_back(encoder_.back());
  }
  register_module("downsamples", downsamples);
  encoder_.push_back(register_module("bottleneck", encoder_block(bottom)));

  torch::nn::ModuleList upsamples;
  for (std::size_t level = bottom; level > 0; --level) {
    // The block that ends at level - 1 has the kernel of the level below it.
    decoder_.push_back(std::make_shared<UpsampleBlock>(plan_.filters[level], plan_.filters[level - 1],
                                                       plan_.kernels[level], plan_.strides[level], plan_));
    upsamples->push_back(decoder_.back());
  }
  register_module("upsamples", upsamples);
  output_ = register_module("output_block", std::make_shared<OutputBlock>(plan_));
}

std::shared_ptr<Block> UNetImpl::encoder_block(std::size_t level) const {
  const std::int64_t in = level == 0 ? plan_.in_channels : plan_.filters[level - 1];
  const auto &kernel = plan_.kernels[level], &stride = plan_.strides[level];
  if (plan_.residual) return std::make_shared<ResidualBlock>(in, plan_.filters[level], kernel, stride, plan_);
  return std::make_shared<ConvBlock>(in, plan_.filters[level], kernel, stride, plan_);
}

void UNetImpl::check_input(const torch::Tensor& x) const {
  if (x.dim() != plan_.dim + 2)
    throw Error("network input", fmt::format("{} has {} axes", shape_text(x.sizes()), x.dim()),
                plan_.dim == 3 ? "a 3D network takes (N,C,D,H,W)" : "a 2D network takes (N,C,H,W)");
  if (x.size(1) != plan_.in_channels)
    throw Error("network input", fmt::format("{} channels where the network takes {}", x.size(1), plan_.in_channels),
                "use images with the channels that it was trained with");
  for (std::size_t axis = 0; axis < total_stride_.size(); ++axis) {
    const std::int64_t size = x.size(static_cast<std::int64_t>(axis) + 2);
    if (size < 1 || size % total_stride_[axis] != 0)
      throw Error("network input",
                  fmt::format("its sizes {} are no multiples of the network's strides {}",
                              shape_text(x.sizes().slice(2)), shape_text(total_stride_)),
                  "use the patch size of the training");
  }
}

void UNetImpl::place(torch::Device device) {
  place(device, plan_.dim == 3 ? torch::MemoryFormat::ChannelsLast3d : torch::MemoryFormat::ChannelsLast);
}

void UNetImpl::place(torch::Device device, torch::MemoryFormat format) {
  format_ = format;
  const torch::NoGradGuard no_grad;
  to(device);
  for (auto& weight : parameters()) {
    if (weight.dim() != plan_.dim + 2) continue;
    // Not contiguous(format_): it would leave 1x1 kernels as they are, and their strides decide what a convolution does
    // with its input.
    weight.set_data(torch::empty(weight.sizes(), weight.options().memory_format(format_)).copy_(weight));
  }
}

void UNetImpl::use_fused_kernels(bool fused) {
  for (const auto& module : modules(false))
    if (auto* const norm = module->as<NormLayerImpl>()) norm->fused = fused;
}

void UNetImpl::use_sync_batchnorm(const ProcessGroup& group) {
  for (const auto& module : modules(false))
    if (auto* const norm = module->as<NormLayerImpl>()) norm->group = group.alone() ? nullptr : &group;
}

void UNetImpl::observe(std::function<void(const std::string&, const torch::Tensor&)> observer) {
  observer_ = std::move(observer);
}

torch::Tensor UNetImpl::down(const std::shared_ptr<Block>& block, const torch::Tensor& x) const {
  if (!recompute_) return block->forward(x);
  return recomputed([block = block.get()](const auto& inputs) { return block->forward(inputs[0]); }, block, {x});
}

torch::Tensor UNetImpl::up(const std::shared_ptr<UpsampleBlock>& block, const torch::Tensor& x,
                           const torch::Tensor& skip) const {
  if (!recompute_) return block->forward(x, skip);
  return recomputed([block = block.get()](const auto& inputs) { return block->forward(inputs[0], inputs[1]); }, block,
                    {x, skip});
}

torch::Tensor UNetImpl::forward(torch::Tensor x) {
  check_input(x);
  x = x.contiguous(format_);
  std::vector<torch::Tensor> skips;
  for (std::size_t level = 0; level < encoder_.size(); ++level) {
    x = down(encoder_[level], x);
    if (observer_) observer_(fmt::format("encoder level {}", level), x);
    skips.push_back(x);
  }
  skips.pop_back();  // the bottleneck's output goes straight up
  for (const auto& block : decoder_) {
    x = up(block, x, skips.back());
    skips.pop_back();
    if (observer_) observer_(fmt::format("decoder level {}", skips.size()), x);
  }
  x = output_->forward(x);
  if (observer_) observer_("output", x);
  return x;
}

namespace {

using Named = std::vector<std::pair<std::string, torch::Tensor>>;

/// Parameters, then buffers, then children, as torch's state_dict orders them.
void collect(const torch::nn::Module& module, const std::string& prefix, Named& entries) {
  for (const auto& item : module.named_parameters(false)) entries.emplace_back(prefix + item.key(), item.value());
  for (const auto& item : module.named_buffers(false)) entries.emplace_back(prefix + item.key(), item.value());
  for (const auto& child : module.named_children()) collect(*child.value(), prefix + child.key() + ".", entries);
}

[[noreturn]] void refuse(const std::string& source, const std::string& problem) {
  throw Error(source, problem, "use the checkpoint of a network with the same channels, classes, patch and options");
}

}  // namespace

StateDict state_dict(const UNetImpl& network) {
  Named entries;
  collect(network, "", entries);
  for (auto& [name, tensor] : entries) tensor = tensor.detach().cpu();
  return entries;
}

void load_state_dict(UNetImpl& network, const StateDict& state, const std::string& source) {
  Named own;
  collect(network, "", own);
  std::unordered_map<std::string, torch::Tensor> given(state.begin(), state.end());
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    if (found == given.end()) refuse(source, fmt::format("\"{}\" is missing", name));
    if (!found->second.defined() || found->second.sizes() != tensor.sizes())
      refuse(source,
             fmt::format("\"{}\" has the shape ({}), the network needs ({})", name,
                         found->second.defined() ? shape_text(found->second.sizes()) : "", shape_text(tensor.sizes())));
  }
  for (const auto& [name, tensor] : state)
    if (std::none_of(own.begin(), own.end(), [&name = name](const auto& entry) { return entry.first == name; }))
      refuse(source, fmt::format("\"{}\" is no part of this network", name));

  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : own) tensor.copy_(given.at(name));
}

}  // namespace nnunet
