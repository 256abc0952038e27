#pragma once
#include <torch/torch.h>

#include <string>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"

// What all optimizers do with their lists of parameters, gradients and averages.
namespace nnunet {

using Tensors = std::vector<torch::Tensor>;

/// Parameters that have a gradient, and what belongs to them.
struct Active {
  Tensors parameters, gradients;
  std::vector<std::size_t> indices;

  explicit Active(const Tensors& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].grad().defined()) continue;
      parameters.push_back(all[i]);
      gradients.push_back(all[i].grad());
      indices.push_back(i);
    }
  }
  bool empty() const { return indices.empty(); }
  Tensors pick(const Tensors& all) const {
    Tensors picked;
    for (const auto i : indices) picked.push_back(all[i]);
    return picked;
  }
};

Tensors zeros_like(const Tensors& tensors);
Value to_value(const Tensors& tensors);

/// An entry of an optimizer's saved state. Throws Error where it is missing.
const Value& state_entry(const Value& state, const std::string& key, const std::string& source);
/// Copies a saved list into tensors of the same shapes; throws Error for others.
void restore(Tensors& tensors, const Value& state, const std::string& key, const std::string& source);
/// Throws Error for the state of an optimizer of another name.
void check_name(const Value& state, const std::string& name, const std::string& source);

/// All of float32 on this kind of device, element i of parameter, gradient and moments belonging together.
bool fit_kernel(const Active& active, const std::vector<Tensors>& moments, torch::DeviceType device);
/// Waits for the device.
bool is_set(const torch::Tensor& found_inf);

}  // namespace nnunet
