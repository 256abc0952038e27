#include "nnunet/onnx/onnx.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/half.h"
#include "nnunet/plan/graph.h"
#include "onnx.pb.h"

namespace nnunet {
namespace {

using onnx_file::AttributeProto;
using onnx_file::GraphProto;
using onnx_file::NodeProto;
using onnx_file::TensorProto;
using Sizes = std::vector<std::int64_t>;

// The version of the format that goes with opset 17 (ONNX 1.12).
constexpr std::int64_t kIrVersion = 8, kOpset = 17;

template <class T>
std::string raw(const T* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

template <class T>
std::string narrowed(std::span<const float> values) {
  std::vector<T> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) kernels::from_float(values[i], result[i]);
  return raw(result.data(), result.size());
}

void set_ints(NodeProto& node, const std::string& name, const Sizes& values) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(AttributeProto::INTS);
  attribute.mutable_ints()->Assign(values.begin(), values.end());
}
void set_int(NodeProto& node, const std::string& name, std::int64_t value) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(AttributeProto::INT);
  attribute.set_i(value);
}
void set_float(NodeProto& node, const std::string& name, double value) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(AttributeProto::FLOAT);
  attribute.set_f(static_cast<float>(value));
}

/// Writes a network's graph operator by operator.
class Writer {
 public:
  Writer(const NetworkPlan& plan, const OnnxOptions& options, const WeightLookup& weights, GraphProto& graph)
      : plan_(plan), options_(options), weights_(weights), graph_(graph) {}

  void write() {
    describe(*graph_.add_input(), kModelInput, TensorProto::FLOAT, plan_.in_channels);
    const bool half = options_.precision == Precision::fp16;
    names_.push_back(half ? cast("input_fp16", kModelInput, TensorProto::FLOAT16) : kModelInput);
    const NetworkGraph graph = network_graph(plan_).finest();
    sizes_ = value_sizes(graph, options_.patch);
    const auto& nodes = graph.nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const bool last = i + 1 == nodes.size() && !half && !options_.argmax;
      names_.push_back(write(nodes[i], last ? kModelOutput : nodes[i].name + ".out"));
    }
    if (half) names_.push_back(cast(options_.argmax ? "logits" : kModelOutput, names_.back(), TensorProto::FLOAT));
    if (options_.argmax) write_argmax();
    describe(*graph_.add_output(), kModelOutput, options_.argmax ? TensorProto::INT64 : TensorProto::FLOAT,
             options_.argmax ? 0 : plan_.n_class);
  }

 private:
  /// channels 0: the tensor has none.
  void describe(onnx_file::ValueInfoProto& value, const std::string& name, TensorProto::DataType type,
                std::int64_t channels) const {
    value.set_name(name);
    auto& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape()->add_dim()->set_dim_param("batch");
    if (channels > 0) tensor.mutable_shape()->add_dim()->set_dim_value(channels);
    for (const std::int64_t size : options_.patch) tensor.mutable_shape()->add_dim()->set_dim_value(size);
  }

  /// Returns the name of what it makes: `output`.
  std::string write(const GraphNode& node, const std::string& output) {
    const std::string& x = names_[node.inputs.front()];
    switch (node.kind) {
      case GraphNode::Kind::conv:
      case GraphNode::Kind::transposed_conv:
        return write_conv(node, x, output);
      case GraphNode::Kind::norm:
        return write_norm(node, x, output);
      case GraphNode::Kind::leaky_relu:
        set_float(add("LeakyRelu", node.name, {x}, output), "alpha", plan_.negative_slope);
        return output;
      case GraphNode::Kind::add:
        add("Add", node.name, {x, names_[node.inputs[1]]}, output);
        return output;
      case GraphNode::Kind::concat:
        set_int(add("Concat", node.name, {x, names_[node.inputs[1]]}, output), "axis", 1);
        return output;
      case GraphNode::Kind::mean_pool: {
        NodeProto& pool = add("AveragePool", node.name, {x}, output);
        set_ints(pool, "kernel_shape", node.kernel);
        set_ints(pool, "strides", node.stride);
        return output;
      }
    }
    return output;
  }

  std::string write_conv(const GraphNode& node, const std::string& x, const std::string& output) {
    const bool transposed = node.kind == GraphNode::Kind::transposed_conv;
    std::vector<std::string> inputs{x, conv_weight(node.name + ".weight", weight_shape(node))};
    if (node.bias) inputs.push_back(parameter(node.name + ".bias", {node.channels}));
    NodeProto& conv = add(transposed ? "ConvTranspose" : "Conv", node.name, inputs, output);
    Sizes pads = node.padding;
    pads.insert(pads.end(), node.padding.begin(), node.padding.end());
    set_ints(conv, "kernel_shape", node.kernel);
    set_ints(conv, "strides", node.stride);
    set_ints(conv, "pads", pads);
    return output;
  }

  std::string write_norm(const GraphNode& node, const std::string& x, const std::string& output) {
    if (plan_.norm == Norm::batch) return write_batch_norm(node, x, output);
    if (plan_.norm == Norm::group) return write_group_norm(node, x, output);
    const Sizes channels{node.channels};
    NodeProto& norm =
        add("InstanceNormalization", node.name,
            {x, parameter(node.name + ".weight", channels), parameter(node.name + ".bias", channels)}, output);
    set_float(norm, "epsilon", kNormEpsilon);
    return output;
  }

  /// One multiplication and one addition with constants: runtimes fold them into the convolution before, and in fp16
  /// no running variance can overflow.
  std::string write_batch_norm(const GraphNode& node, const std::string& x, const std::string& output) {
    const auto weight = values(node.name + ".weight", node.channels), bias = values(node.name + ".bias", node.channels),
               mean = values(node.name + ".running_mean", node.channels),
               variance = values(node.name + ".running_var", node.channels);
    std::vector<float> scale, shift;
    for (std::size_t c = 0; c < weight.size(); ++c) {
      const double factor = weight[c] / std::sqrt(static_cast<double>(variance[c]) + kNormEpsilon);
      scale.push_back(static_cast<float>(factor));
      shift.push_back(static_cast<float>(bias[c] - mean[c] * factor));
    }
    return write_affine(node, x, scale, shift, output);
  }

  /// Groups as the channels of an instance normalisation, since ONNX has a group normalisation only from opset 21 on.
  std::string write_group_norm(const GraphNode& node, const std::string& x, const std::string& output) {
    const Sizes& size = sizes_[node.inputs.front()];
    Sizes back{0, node.channels};  // 0: as it is
    back.insert(back.end(), size.begin(), size.end());
    const std::string& n = node.name;
    add("Reshape", n + ".split", {x, integers(n + ".groups", {0, kNormGroups, -1})}, n + ".split.out");
    const std::vector<float> ones(kNormGroups, 1), zeros(kNormGroups, 0);
    NodeProto& norm = add(
        "InstanceNormalization", n + ".group",
        {n + ".split.out", constant(n + ".ones", {kNormGroups}, ones), constant(n + ".zeros", {kNormGroups}, zeros)},
        n + ".group.out");
    set_float(norm, "epsilon", kNormEpsilon);
    add("Reshape", n + ".join", {n + ".group.out", integers(n + ".shape", back)}, n + ".join.out");
    return write_affine(node, n + ".join.out", values(n + ".weight", node.channels), values(n + ".bias", node.channels),
                        output);
  }

  /// x * scale + shift, a value a channel.
  std::string write_affine(const GraphNode& node, const std::string& x, std::span<const float> scale,
                           std::span<const float> shift, const std::string& output) {
    Sizes shape(static_cast<std::size_t>(plan_.dim) + 1, 1);
    shape[0] = node.channels;
    add("Mul", node.name + ".scale", {x, constant(node.name + ".weight", shape, scale)}, node.name + ".scale.out");
    add("Add", node.name, {node.name + ".scale.out", constant(node.name + ".bias", shape, shift)}, output);
    return output;
  }

  void write_argmax() {
    NodeProto& node = add("ArgMax", "argmax", {names_.back()}, kModelOutput);
    set_int(node, "axis", 1);
    set_int(node, "keepdims", 0);
  }

  NodeProto& add(const std::string& op, const std::string& name, const std::vector<std::string>& inputs,
                 const std::string& output) {
    NodeProto& node = *graph_.add_node();
    node.set_op_type(op);
    node.set_name(name);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
  }

  std::string cast(const std::string& output, const std::string& input, TensorProto::DataType type) {
    set_int(add("Cast", output + ".cast", {input}, output), "to", type);
    return output;
  }

  std::span<const float> values(const std::string& name, std::int64_t count) const {
    const std::span<const float> found = weights_(name);
    if (static_cast<std::int64_t>(found.size()) != count)
      throw Error(name, fmt::format("has {} values, the network needs {}", found.size(), count));
    return found;
  }

  std::string store(const std::string& name, const Sizes& shape, TensorProto::DataType type, std::string bytes) {
    TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    tensor.mutable_dims()->Assign(shape.begin(), shape.end());
    tensor.set_raw_data(std::move(bytes));
    return name;
  }

  std::string constant(const std::string& name, const Sizes& shape, std::span<const float> numbers) {
    if (options_.precision == Precision::fp16)
      return store(name, shape, TensorProto::FLOAT16, narrowed<kernels::Half>(numbers));
    return store(name, shape, TensorProto::FLOAT, raw(numbers.data(), numbers.size()));
  }
  std::string integers(const std::string& name, const Sizes& numbers) {
    return store(name, {static_cast<std::int64_t>(numbers.size())}, TensorProto::INT64,
                 raw(numbers.data(), numbers.size()));
  }
  std::string parameter(const std::string& name, const Sizes& shape) {
    return constant(name, shape, values(name, Array<float>::count(shape)));
  }

  std::string conv_weight(const std::string& name, const Sizes& shape) {
    if (options_.precision != Precision::bf16) return parameter(name, shape);
    store(name, shape, TensorProto::BFLOAT16, narrowed<kernels::Bfloat16>(values(name, Array<float>::count(shape))));
    return cast(name + ".fp32", name, TensorProto::FLOAT);
  }

  const NetworkPlan& plan_;
  const OnnxOptions& options_;
  const WeightLookup& weights_;
  GraphProto& graph_;
  std::vector<std::string> names_;  ///< of the graph's values
  std::vector<Sizes> sizes_;        ///< their spatial sizes
};

void check_patch(const NetworkPlan& plan, const Sizes& patch) {
  const Sizes strides = total_stride(plan);
  bool fits = patch.size() == strides.size();
  for (std::size_t axis = 0; fits && axis < patch.size(); ++axis)
    fits = patch[axis] > 0 && patch[axis] % strides[axis] == 0;
  if (!fits)
    throw Error("export", fmt::format("the patch {} does not fit the network, whose strides are {}", shape_text(patch),
                                      shape_text(strides)));
}

}  // namespace

std::string onnx_model(const NetworkPlan& plan, const OnnxOptions& options, const WeightLookup& weights) {
  check_network_plan(plan, "network");
  check_patch(plan, options.patch);
  onnx_file::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("nnunet");
  auto& opset = *model.add_opset_import();
  opset.set_version(kOpset);
  for (const auto& [key, value] : options.metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  model.mutable_graph()->set_name("nnunet");
  Writer(plan, options, weights, *model.mutable_graph()).write();
  if (model.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error("export", "the network takes more than the 2 GiB that an ONNX file of one piece can have",
                "export it as TorchScript");
  return model.SerializeAsString();
}

}  // namespace nnunet
