#pragma once
#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/train/optimizer.h"

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

/// Notes which parameters have had a gradient.
void mark(std::vector<bool>& moved, const Active& active);
/// The same as a part of an optimizer's state: only where there are such that have had none, as earlier versions wrote
/// states without it.
void add_moved(Value::Dict& state, const std::vector<bool>& moved);
void restore_moved(std::vector<bool>& moved, const Value& state, const std::string& source);

/// A parameter's tensor in a list of that name.
using NamedLists = std::vector<std::pair<std::string, Tensors*>>;
/// Copies what the states hold of each list, and zeros for parameters that are not in them. Throws Error, before
/// anything is changed, for what is missing or does not fit.
void restore(const NamedLists& lists, const std::vector<ParameterState>& states, std::vector<bool>& moved,
             const std::string& source);
/// The tensor of that name. Throws Error where there is none.
const torch::Tensor& state_tensor(const ParameterState& state, const std::string& name, const std::string& source);

/// All of float32 on this kind of device, element i of parameter, gradient and moments belonging together.
bool fit_kernel(const Active& active, const std::vector<Tensors>& moments, torch::DeviceType device);
/// Waits for the device.
bool is_set(const torch::Tensor& found_inf);

}  // namespace nnunet
