#include "nnunet/network/unet.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "nnunet/checkpoint/weights.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/network/concat.h"
#include "nnunet/network/recompute.h"
#include "nnunet/torch_bridge/tensors.h"

namespace nnunet {

UNetImpl::UNetImpl(NetworkPlan plan)
    : plan_(std::move(plan)), graph_(network_graph(plan_)), total_stride_(nnunet::total_stride(plan_)) {
  register_layers();
  find_parts();
}

namespace {

/// The module of a path, "downsamples.0.conv1.conv", made with those on the way to it.
torch::nn::Module& parent_of(torch::nn::Module& root, const std::string& path) {
  torch::nn::Module* module = &root;
  std::size_t begin = 0;
  for (std::size_t dot; (dot = path.find('.', begin)) != std::string::npos; begin = dot + 1) {
    const std::string name = path.substr(begin, dot - begin);
    const auto children = module->named_children();
    const auto* const child = children.find(name);
    module = child ? child->get() : module->register_module(name, std::make_shared<torch::nn::Module>(name)).get();
  }
  return *module;
}

}  // namespace

/// torch lists parameters in the order of registration, which must be that of the system whose names they have.
void UNetImpl::register_layers() {
  convs_.resize(graph_.nodes.size());
  norms_.resize(graph_.nodes.size());
  for (const NetworkParameter& parameter : network_parameters(graph_, plan_.naming)) {
    const std::size_t i = parameter.node;
    if (convs_[i] || norms_[i]) continue;  // the bias after the weight
    const GraphNode& node = graph_.nodes[i];
    torch::nn::Module& parent = parent_of(*this, node.name);
    const std::string name = node.name.substr(node.name.rfind('.') + 1);
    if (node.convolves())
      convs_[i] = parent.register_module(name, std::make_shared<ConvImpl>(node));
    else
      norms_[i] = parent.register_module(name, std::make_shared<NormLayerImpl>(plan_.norm, node));
  }
}

void UNetImpl::find_parts() {
  const std::vector<int> readers = graph_.readers();
  activated_.assign(graph_.nodes.size(), false);
  last_reader_.assign(graph_.nodes.size() + 1, 0);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const GraphNode& node = graph_.nodes[i];
    for (const std::size_t input : node.inputs) last_reader_[input] = i;
    const std::size_t first = node.inputs.front();
    if (node.kind == GraphNode::Kind::leaky_relu && first > 0 && norms_[first - 1] && readers[first] == 1)
      activated_[first - 1] = true;
    if (parts_.empty() || parts_.back().name != node.part) parts_.push_back({node.part, i, i, {}, 0, {}, {}});
    Part& part = parts_.back();
    part.end = i + 1;
    part.output = i + 1;
    for (const std::size_t input : node.inputs)
      if (input <= part.begin && std::ranges::find(part.inputs, input) == part.inputs.end())
        part.inputs.push_back(input);
    for (const torch::nn::Module* layer :
         {static_cast<torch::nn::Module*>(convs_[i].get()), static_cast<torch::nn::Module*>(norms_[i].get())}) {
      if (layer == nullptr) continue;
      for (const auto& p : layer->parameters()) part.parameters.push_back(p);
      for (const auto& b : layer->buffers()) part.buffers.push_back(b);
    }
  }
}

std::vector<std::pair<std::string, NormLayerImpl*>> UNetImpl::norms() const {
  std::vector<std::pair<std::string, NormLayerImpl*>> list;
  for (std::size_t i = 0; i < norms_.size(); ++i)
    if (norms_[i]) list.emplace_back(graph_.nodes[i].name, norms_[i].get());
  return list;
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
  for (const auto& [name, norm] : norms()) norm->fused = fused;
}

void UNetImpl::use_sync_batchnorm(const ProcessGroup& group) {
  for (const auto& [name, norm] : norms()) norm->group = group.alone() ? nullptr : &group;
}

void UNetImpl::observe(std::function<void(const std::string&, const torch::Tensor&)> observer) {
  observer_ = std::move(observer);
}

torch::Tensor UNetImpl::compute(std::size_t i, const Values& values) const {
  using Kind = GraphNode::Kind;
  const GraphNode& node = graph_.nodes[i];
  const torch::Tensor& x = values[node.inputs.front()];
  switch (node.kind) {
    case Kind::conv:
    case Kind::transposed_conv:
      return convs_[i]->forward(x);
    case Kind::norm:
      return norms_[i]->forward(x, activated_[i] ? plan_.negative_slope : 1);
    case Kind::leaky_relu:
      return activated_[node.inputs.front() - 1] ? x : leaky_relu(x, plan_.negative_slope);
    case Kind::add:
      return x + values[node.inputs[1]];
    case Kind::concat:
      return concat_channels(x, values[node.inputs[1]]);
    case Kind::mean_pool:
      return plan_.dim == 3 ? at::avg_pool3d(x, node.kernel) : at::avg_pool2d(x, node.kernel);
  }
  return x;
}

void UNetImpl::run(std::size_t begin, std::size_t end, Values& values) const {
  for (std::size_t i = begin; i < end; ++i) {
    values[i + 1] = compute(i, values);
    for (const std::size_t input : graph_.nodes[i].inputs)
      if (last_reader_[input] == i) values[input].reset();
  }
}

void UNetImpl::run_part(const Part& part, Values& values) const {
  if (!recompute_ || part.name == "output") return run(part.begin, part.end, values);
  Values inputs;
  for (const std::size_t input : part.inputs) {
    inputs.push_back(values[input]);
    if (last_reader_[input] < part.end) values[input].reset();
  }
  const auto again = [this, &part](const Values& given) {
    Values own(graph_.nodes.size() + 1);
    for (std::size_t k = 0; k < given.size(); ++k) own[part.inputs[k]] = given[k];
    run(part.begin, part.end, own);
    return own[part.output];
  };
  values[part.output] = recomputed(again, part.parameters, part.buffers, inputs);
}

torch::Tensor UNetImpl::forward(torch::Tensor x) {
  return forward_heads(std::move(x), 1).front();
}

std::vector<torch::Tensor> UNetImpl::forward_heads(torch::Tensor x, std::size_t heads) {
  check_input(x);
  Values values(graph_.nodes.size() + 1);
  values[0] = x.contiguous(format_);
  x.reset();
  heads = std::min(heads, graph_.outputs.size());
  const std::size_t end = graph_.outputs[heads - 1];
  for (const Part& part : parts_) {
    if (part.begin >= end) break;
    if (part.end > end)
      run(part.begin, end, values);
    else
      run_part(part, values);
    const std::size_t made = std::min(part.output, end);
    if (observer_) observer_(part.name, values[made]);
  }
  Values logits;
  for (std::size_t i = 0; i < heads; ++i) logits.push_back(values[graph_.outputs[i]]);
  return logits;
}

namespace {

using Named = std::vector<std::pair<std::string, torch::Tensor>>;

/// Parameters, then buffers, then children, as torch's state_dict orders them.
void collect(const torch::nn::Module& module, const std::string& prefix, Named& entries) {
  for (const auto& item : module.named_parameters(false)) entries.emplace_back(prefix + item.key(), item.value());
  for (const auto& item : module.named_buffers(false)) entries.emplace_back(prefix + item.key(), item.value());
  for (const auto& child : module.named_children()) collect(*child.value(), prefix + child.key() + ".", entries);
}

}  // namespace

StateDict state_dict(const UNetImpl& network) {
  Named entries;
  collect(network, "", entries);
  StateDict state;
  for (const auto& [name, tensor] : entries) state.emplace_back(name, from_torch(tensor));
  return state;
}

void load_state_dict(UNetImpl& network, const StateDict& state, const std::string& source) {
  check_state(network.plan(), state, source);
  Named own;
  collect(network, "", own);
  const std::unordered_map<std::string, HostTensor> given(state.begin(), state.end());
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : own) tensor.copy_(to_torch(given.at(name)));
}

}  // namespace nnunet
