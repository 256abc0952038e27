#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/script.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "nnunet/checkpoint/weights.h"
#include "nnunet/plan/graph.h"
#include "nnunet/torch_bridge/tensors.h"
#include "nnunet/torch_engine/torchscript.h"

namespace nnunet {
namespace {

torch::ScalarType scalar_type(Precision precision) {
  return precision == Precision::fp16 ? torch::kHalf : precision == Precision::bf16 ? torch::kBFloat16 : torch::kFloat;
}

/// Source text of forward, an operator a line, in torch's own names (they take types as their numbers).
class Source {
 public:
  Source(const NetworkPlan& plan, const ModelOptions& options) : plan_(plan), options_(options) {}

  std::string text() {
    const bool low = options_.precision != Precision::fp32;
    std::string body = "def forward(self, x):\n";
    const auto line = [&](std::size_t value, const std::string& expression) {
      body += fmt::format("    {} = {}\n", name(value), expression);
    };
    if (low) line(0, fmt::format("torch.to(x, {})", static_cast<int>(scalar_type(options_.precision))));
    const auto nodes = network_graph(plan_).finest().nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) line(i + 1, expression(nodes[i]));
    std::string result = name(nodes.size());
    if (low) result = fmt::format("torch.to({}, {})", result, static_cast<int>(torch::kFloat));
    if (options_.argmax) result = fmt::format("torch.argmax({}, 1)", result);
    return body + "    return " + result + "\n";
  }

 private:
  static std::string name(std::size_t value) { return value == 0 ? "x" : fmt::format("v{}", value); }

  /// "downsamples.0.conv1" -> getattr(self.downsamples, "0").conv1: numbers are no names to the language.
  static std::string module(const std::string& path) {
    std::string expression = "self";
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '.');)
      expression = part.find_first_not_of("0123456789") == std::string::npos
                       ? fmt::format("getattr({}, \"{}\")", expression, part)
                       : fmt::format("{}.{}", expression, part);
    return expression;
  }

  std::string expression(const GraphNode& node) const {
    const std::string x = name(node.inputs.front()), m = module(node.name);
    const std::string bias = node.bias ? m + ".bias" : "None";
    switch (node.kind) {
      case GraphNode::Kind::conv:
        return fmt::format("torch.conv{}d({}, {}.weight, {}, {}, {})", plan_.dim, x, m, bias, node.stride,
                           node.padding);
      case GraphNode::Kind::transposed_conv:
        return fmt::format("torch.conv_transpose{}d({}, {}.weight, {}, {})", plan_.dim, x, m, bias, node.stride);
      case GraphNode::Kind::norm:
        return norm(x, m);
      case GraphNode::Kind::leaky_relu:  // in place: what it gets is a result of its own
        return fmt::format("torch.leaky_relu{}({}, {})", plan_.negative_slope >= 0 ? "_" : "", x, plan_.negative_slope);
      case GraphNode::Kind::add:
        return fmt::format("torch.add({}, {})", x, name(node.inputs[1]));
      case GraphNode::Kind::concat:
        return fmt::format("torch.cat([{}, {}], 1)", x, name(node.inputs[1]));
      case GraphNode::Kind::mean_pool:
        return fmt::format("torch.avg_pool{}d({}, {})", plan_.dim, x, node.kernel);
    }
    return x;
  }

  std::string norm(const std::string& x, const std::string& m) const {
    const std::string affine = fmt::format("{0}.weight, {0}.bias", m);
    if (plan_.norm == Norm::instance)
      return fmt::format("torch.instance_norm({}, {}, None, None, True, 0.1, {}, True)", x, affine, kNormEpsilon);
    if (plan_.norm == Norm::group)
      return fmt::format("torch.group_norm({}, {}, {}, {}, True)", x, kNormGroups, affine, kNormEpsilon);
    return fmt::format("torch.batch_norm({0}, {1}, {2}.running_mean, {2}.running_var, False, 0.1, {3}, True)", x,
                       affine, m, kNormEpsilon);
  }

  const NetworkPlan& plan_;
  const ModelOptions& options_;
};

/// The tree of modules that holds the parameters, by the parts of their names.
struct Tree {
  std::vector<std::pair<std::string, Tree>> children;
  std::vector<std::pair<std::string, torch::Tensor>> tensors;

  void insert(const std::string& path, const torch::Tensor& tensor) {
    const auto dot = path.find('.');
    if (dot == std::string::npos) return tensors.emplace_back(path, tensor), void();
    const std::string first = path.substr(0, dot);
    auto child = std::ranges::find_if(children, [&](const auto& c) { return c.first == first; });
    if (child == children.end()) child = children.insert(child, {first, {}});
    child->second.insert(path.substr(dot + 1), tensor);
  }
};

bool is_buffer(const std::string& name) {
  return name.starts_with("running_") || name == "num_batches_tracked";
}

/// Every module has a type of its own, since each holds other attributes.
torch::jit::Module make_module(const std::string& type, const Tree& tree,
                               const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module module(c10::QualifiedName("__torch__.nnunet." + type), unit, true);
  module.register_attribute("training", c10::BoolType::get(), false);
  for (const auto& [name, tensor] : tree.tensors) module.register_parameter(name, tensor, is_buffer(name));
  for (const auto& [name, child] : tree.children) module.register_module(name, make_module("Part", child, unit));
  return module;
}

/// Convolutions in the lower precision, normalisation in float32.
torch::Tensor converted(const torch::Tensor& tensor, const GraphNode& node, Precision precision) {
  return node.kind == GraphNode::Kind::norm ? tensor : tensor.to(scalar_type(precision));
}

Tree module_tree(const Checkpoint& checkpoint, Precision precision) {
  const auto weights = network_weights(checkpoint, "checkpoint");
  Tree tree;
  for (const GraphNode& node : network_graph(checkpoint.plan).finest().nodes)
    for (const char* part : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
      if (const auto found = weights.find(node.name + "." + part); found != weights.end())
        tree.insert(found->first, converted(to_torch(found->second), node, precision));
  return tree;
}

std::string metadata_text(const Checkpoint& checkpoint, const ModelOptions& options) {
  nlohmann::ordered_json json;
  for (const auto& [key, value] : model_metadata(checkpoint, options)) {
    const auto parsed = nlohmann::ordered_json::parse(value, nullptr, false);
    if (parsed.is_structured())
      json[key] = parsed;
    else
      json[key] = value;
  }
  return json.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string to_torchscript(const Checkpoint& checkpoint, const ModelOptions& options) {
  torch::jit::Module module =
      make_module("UNet", module_tree(checkpoint, options.precision), std::make_shared<torch::jit::CompilationUnit>());
  module.define(Source(checkpoint.plan, options).text());
  std::ostringstream bytes;
  module.save(bytes, {{"nnunet.json", metadata_text(checkpoint, options)}});
  return std::move(bytes).str();
}

}  // namespace nnunet
