#pragma once
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nnunet/network/unet.h"
#include "reference/numbers.h"

/// The networks of reference/network_double.json: their weights, inputs and labels are formulas (below),
/// rounded to float32; the numbers were computed in double precision, so they hang on no processor.
namespace nnunet::test {

inline const std::vector<std::string> kReferenceNetworks{"hippocampus_3d", "brats_like_3d_residual", "anisotropic_3d",
                                                         "hippocampus_2d", "batch_norm_3d",          "group_norm_2d"};

/// Ordered: the formulas count the parameters in the file's order.
inline nlohmann::ordered_json reference_networks() {
  std::ifstream file(reference_file("reference/network_double.json"));
  return nlohmann::ordered_json::parse(file);
}

inline NetworkPlan reference_plan(const nlohmann::ordered_json& reference) {
  NetworkOptions options;
  options.norm = norm_from_name(reference.at("norm").get<std::string>());
  options.residual = reference.at("residual").get<bool>();
  return make_network_plan(reference.at("patch_size").get<std::vector<std::int64_t>>(),
                           reference.at("spacings").get<std::vector<double>>(), reference.at("in_channels").get<int>(),
                           reference.at("n_class").get<int>(), options);
}

/// Weights of two or more axes 0.6 sin(0.7 i + 1.3 k) / sqrt(numel / size(0)), norm weights 1 + 0.2 sin(i + k), biases
/// 0.1 cos(i + k); i counts the values of the k-th parameter.
inline void set_reference_weights(UNetImpl& network, const nlohmann::ordered_json& reference) {
  const torch::NoGradGuard no_grad;
  auto parameters = network.named_parameters();
  double k = 0;
  for (const auto& item : reference.at("parameters").items()) {
    torch::Tensor& parameter = parameters[item.key()];
    const auto i = torch::arange(parameter.numel(), torch::kDouble);
    torch::Tensor values;
    if (parameter.dim() >= 2)
      values = 0.6 * torch::sin(0.7 * i + 1.3 * k) /
               std::sqrt(static_cast<double>(parameter.numel()) / static_cast<double>(parameter.size(0)));
    else if (item.key().ends_with("weight"))
      values = 1 + 0.2 * torch::sin(i + k);
    else
      values = 0.1 * torch::cos(i + k);
    parameter.copy_(values.view(parameter.sizes()));
    ++k;
  }
}

inline UNet reference_network(const nlohmann::ordered_json& reference) {
  UNet network(reference_plan(reference));
  set_reference_weights(*network, reference);
  return network;
}

/// A copy in double precision, by torch's operators.
inline UNet precise_copy(const UNet& network) {
  UNet copy(network->plan());
  copy->use_fused_kernels(false);
  copy->to(torch::kDouble);
  load_state_dict(*copy, state_dict(*network), "test");
  return copy;
}

/// Moves what enters the rectifiers four standard deviations off their kinks, above in every other channel and below in
/// the rest: no rounding decides then which of its two gradients a value has, and both are in use.
inline void keep_off_kinks(UNetImpl& network) {
  const torch::NoGradGuard no_grad;
  for (const auto& module : network.modules(false))
    if (auto* const norm = module->as<NormLayerImpl>())
      norm->bias.copy_(4 - 8 * torch::arange(norm->bias.numel()).remainder(2));
}

/// The largest norm of a parameter's gradient.
inline double largest_gradient(const UNetImpl& network) {
  double largest = 0;
  for (const auto& p : network.parameters()) largest = std::max(largest, p.grad().norm().item<double>());
  return largest;
}

/// The largest distance of a parameter's gradient from the precise one, as a share of the largest gradient.
inline double gradient_error(const UNetImpl& network, const UNetImpl& precise) {
  const auto found = network.named_parameters();
  double largest = 0;
  for (const auto& item : precise.named_parameters())
    largest = std::max(largest, (found[item.key()].grad() - item.value().grad()).norm().item<double>());
  return largest / largest_gradient(precise);
}

/// (batch, in_channels, patch): sin(0.37 i) + 0.5 cos(0.011 i).
inline torch::Tensor reference_images(const nlohmann::ordered_json& reference, std::int64_t batch = 2) {
  std::vector<std::int64_t> shape{batch, reference.at("in_channels").get<std::int64_t>()};
  for (const auto& size : reference.at("patch_size")) shape.push_back(size.get<std::int64_t>());
  const auto i = torch::arange(c10::multiply_integers(shape), torch::kDouble);
  return (torch::sin(0.37 * i) + 0.5 * torch::cos(0.011 * i)).to(torch::kFloat).view(shape);
}

/// (batch, patch) uint8: floor(n_class * frac(0.618034 * i * i * 0.001)).
inline torch::Tensor reference_labels(const nlohmann::ordered_json& reference, std::int64_t batch = 2) {
  std::vector<std::int64_t> shape{batch};
  for (const auto& size : reference.at("patch_size")) shape.push_back(size.get<std::int64_t>());
  const auto i = torch::arange(c10::multiply_integers(shape), torch::kDouble);
  const auto fraction = torch::frac(0.618034 * i * i * 0.001);
  return torch::floor(reference.at("n_class").get<double>() * fraction).to(torch::kByte).view(shape);
}

/// Two programs in double precision differ by the order of their sums alone (1e-16 times the root of 1e7 terms, through
/// two dozen layers there and back). What cancels is no more exact than what it is a sum of: `largest` is the size of
/// that.
inline double precise_tolerance(double expected, double largest = 0) {
  return std::max(1e-9 * std::abs(expected), 1e-11 * largest);
}

/// The largest difference, as a share of the largest expected value.
inline double largest_share(const torch::Tensor& found, const torch::Tensor& expected) {
  return ((found.to(torch::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

// What float32 may lose whatever the order of its sums, so on any processor; u = 2^-24 = 6e-8.
// A layer adds up n <= 320 * 27 products. Each partial sum is rounded by up to u of its size: together sqrt(n / 6) u =
// 2e-6 of the result. Some twenty layers, each with its own roundings, add up like sqrt(20): 1e-5.
inline constexpr double kFloat32Logits = 1e-5;  ///< of the largest logit
// The loss is a mean over thousands of voxels, whose errors have both signs.
inline constexpr double kFloat32Loss = 1e-5;
// Gradients that cancel keep the error of what they are a sum of: the share is of the largest gradient.
inline constexpr double kFloat32Gradient = 1e-5;
// keep_off_kinks puts values four of their deviations off zero, and with them each rounding.
inline constexpr double kFloat32GradientOffKinks = 4 * kFloat32Gradient;
// A value that rounding moves across LeakyReLU's kink changes a gradient by its share in it. At 1e-6 off and half a
// deviation's density one of 1e6 values crosses, which makes 1e-3 of a gradient in a large layer.
inline constexpr double kFloat32GradientNorm = 1e-3;
// The same in the smallest layers of these tests, a few hundred voxels, where a crossing is rare but 1/sqrt(400) of
// one.
inline constexpr double kFloat32GradientAtKinks = 0.05;

}  // namespace nnunet::test
