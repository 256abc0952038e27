#include "parameter_lists.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/torch_bridge/tensors.h"

namespace nnunet {

namespace {

/// Elements lie in the same order in memory.
bool same_layout(const torch::Tensor& a, const torch::Tensor& b) {
  for (std::int64_t axis = 0; axis < a.dim(); ++axis)
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

}  // namespace

Tensors zeros_like(const Tensors& tensors) {
  Tensors zeros;
  for (const auto& tensor : tensors) zeros.push_back(torch::zeros_like(tensor, torch::MemoryFormat::Preserve).detach());
  return zeros;
}

Value to_value(const Tensors& tensors) {
  Value::List list;
  for (const auto& tensor : tensors) list.emplace_back(from_torch(tensor));
  return list;
}

const Value& state_entry(const Value& state, const std::string& key, const std::string& source) {
  const Value* const found = state.find(key);
  if (found == nullptr)
    throw Error(source, fmt::format("the optimizer's \"{}\" is missing", key), "start the training anew");
  return *found;
}

void restore(Tensors& tensors, const Value& state, const std::string& key, const std::string& source) {
  const Value::List& list = state_entry(state, key, source).as_list(key);
  const auto fits = [&] {
    if (list.size() != tensors.size()) return false;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (torch::IntArrayRef(list[i].as_tensor(key).sizes) != tensors[i].sizes()) return false;
    return true;
  };
  if (!fits())
    throw Error(source, fmt::format("the optimizer's \"{}\" belongs to another network", key),
                "start the training anew");
  for (std::size_t i = 0; i < list.size(); ++i) tensors[i].copy_(torch_tensor(list[i], key));
}

void check_name(const Value& state, const std::string& name, const std::string& source) {
  const std::string& saved = state_entry(state, "name", source).as_string("name");
  if (saved != name)
    throw Error(source, fmt::format("it was trained with --optimizer {}, not {}", saved, name),
                "give the same --optimizer");
}

void mark(std::vector<bool>& moved, const Active& active) {
  for (const std::size_t i : active.indices) moved[i] = true;
}

void add_moved(Value::Dict& state, const std::vector<bool>& moved) {
  if (std::ranges::all_of(moved, [](bool m) { return m; })) return;
  Value::List list;
  for (const bool m : moved) list.emplace_back(m);
  state.emplace_back("moved", Value(std::move(list)));
}

void restore_moved(std::vector<bool>& moved, const Value& state, const std::string& source) {
  const Value* const saved = state.find("moved");
  if (saved == nullptr) {
    moved.assign(moved.size(), true);
    return;
  }
  const Value::List& list = saved->as_list("moved");
  if (list.size() != moved.size())
    throw Error(source, "the optimizer's \"moved\" belongs to another network", "start the training anew");
  for (std::size_t i = 0; i < list.size(); ++i) moved[i] = list[i].as_bool("moved");
}

const torch::Tensor& state_tensor(const ParameterState& state, const std::string& name, const std::string& source) {
  for (const auto& [key, tensor] : state.tensors)
    if (key == name && tensor.defined()) return tensor;
  throw Error(source, fmt::format("the optimizer's state of parameter {} lacks \"{}\"", state.index, name),
              "start the training anew, or continue with the optimizer that wrote it");
}

void restore(const NamedLists& lists, const std::vector<ParameterState>& states, std::vector<bool>& moved,
             const std::string& source) {
  for (const ParameterState& s : states)
    for (const auto& [name, tensors] : lists)
      if (s.index >= tensors->size() || state_tensor(s, name, source).sizes() != (*tensors)[s.index].sizes())
        throw Error(source, fmt::format("the optimizer's state of parameter {} belongs to another network", s.index),
                    "start the training anew");
  for (const auto& [name, tensors] : lists)
    for (torch::Tensor& t : *tensors) t.zero_();
  moved.assign(moved.size(), false);
  for (const ParameterState& s : states) {
    moved[s.index] = true;
    for (const auto& [name, tensors] : lists) (*tensors)[s.index].copy_(state_tensor(s, name, source));
  }
}

bool fit_kernel(const Active& active, const std::vector<Tensors>& moments, torch::DeviceType device) {
  for (std::size_t i = 0; i < active.indices.size(); ++i) {
    const torch::Tensor& p = active.parameters[i];
    if (!p.is_non_overlapping_and_dense()) return false;
    Tensors all{p, active.gradients[i]};
    for (const Tensors& m : moments) all.push_back(m[i]);
    for (const torch::Tensor& t : all)
      if (t.device().type() != device || t.scalar_type() != torch::kFloat || !same_layout(t, p)) return false;
  }
  return true;
}

bool is_set(const torch::Tensor& found_inf) {
  return found_inf.defined() && found_inf.item<float>() != 0;
}

}  // namespace nnunet
