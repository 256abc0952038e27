#pragma once
#include <torch/torch.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "nnunet/network/unet.h"
#include "reference/shared.h"

/// The networks of ../shared/reference/network.json: their weights, inputs and labels are formulas (its README.md).
namespace nnunet::test {

/// Ordered: the formulas count the parameters in the file's order.
inline nlohmann::ordered_json reference_networks() {
  std::ifstream file(shared_dir() / "reference/network.json");
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

}  // namespace nnunet::test
