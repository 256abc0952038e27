#include "parameter_lists.h"

#include <fmt/format.h>

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
