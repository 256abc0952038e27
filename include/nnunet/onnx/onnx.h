#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/core/precision.h"
#include "nnunet/plan/plan.h"

namespace nnunet {

/// Names of the tensors of every exported model, as Triton's convention for TorchScript wants them.
inline constexpr const char* kModelInput = "INPUT__0";
inline constexpr const char* kModelOutput = "OUTPUT__0";

/// Texts that travel with a model: names and values.
using ModelMetadata = std::vector<std::pair<std::string, std::string>>;

struct OnnxOptions {
  std::vector<std::int64_t> patch;  ///< (d,h,w) or (h,w), multiples of the network's strides
  /// fp16: weights and arithmetic; bf16: weights only (no ONNX runtime for CPUs has bf16 convolutions by itself, and
  /// OpenVINO and TensorRT choose their arithmetic apart from the file). Input and logits are always float32.
  Precision precision = Precision::fp32;
  bool argmax = false;  ///< class indices (N,spatial) int64 instead of logits (N,n_class,spatial)
  ModelMetadata metadata;
};

/// Values of a parameter or buffer by its name in a checkpoint, row-major; they must stay there until onnx_model
/// returns.
using WeightLookup = std::function<std::span<const float>(const std::string& name)>;

/// The network as the bytes of an ONNX file, opset 17: INPUT__0 (batch,in_channels,patch) float32 with any batch ->
/// OUTPUT__0. Only operators of ONNX itself. Throws Error for a plan that check_network_plan refuses, a patch that does
/// not fit it, weights of another size, and models beyond the 2 GiB that a file of one piece can have.
std::string onnx_model(const NetworkPlan& plan, const OnnxOptions& options, const WeightLookup& weights);

}  // namespace nnunet
