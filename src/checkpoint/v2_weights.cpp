#include "v2_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/checkpoint/weights.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {
namespace {

/// Of torch's data parallel modules and compiled ones, in any order.
constexpr std::array<std::string_view, 2> kWrappers{"module.", "_orig_mod."};
constexpr std::string_view kEncoder = "encoder.", kEncoderAgain = "decoder.encoder.", kHeads = ".seg_layers.";
/// A convolution and its norm are listed under their own names and as a sequence.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kSequence{
    std::pair{".all_modules.0.", ".conv."}, std::pair{".all_modules.1.", ".norm."}};

std::string plain_name(std::string_view name) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view wrapper : kWrappers)
      if (name.starts_with(wrapper)) name.remove_prefix(wrapper.size()), again = true;
  }
  if (name.starts_with(kEncoderAgain)) name.remove_prefix(kEncoderAgain.size() - kEncoder.size());
  std::string plain(name);
  for (const auto& [part, own] : kSequence)
    if (const std::size_t at = plain.find(part); at != std::string::npos) plain.replace(at, part.size(), own);
  return plain;
}

bool same_numbers(const HostTensor& a, const HostTensor& b) {
  if (a.dtype != b.dtype || a.sizes != b.sizes) return false;
  if (a.storage == b.storage && a.offset == b.offset && a.strides == b.strides) return true;
  const HostTensor x = a.contiguous(), y = b.contiguous();
  return std::memcmp(x.data(), y.data(), static_cast<std::size_t>(x.nbytes())) == 0;
}

/// The names of a module's convolution and norm, and then as a sequence once more.
class NameList {
 public:
  void add(const std::string& plain, const std::string& prefix) {
    const auto part =
        std::ranges::find_if(kSequence, [&](const auto& p) { return plain.find(p.second) != plain.npos; });
    const std::string module = part == kSequence.end() ? plain : plain.substr(0, plain.find(part->second));
    if (module != module_) end_module();
    module_ = module;
    names_.push_back({prefix + plain, plain});
    if (part == kSequence.end()) return;
    std::string again = plain;
    again_.push_back({prefix + again.replace(module.size(), part->second.size(), part->first), plain});
  }
  void end_module() {
    std::ranges::move(again_, std::back_inserter(names_));
    again_.clear();
  }
  std::vector<V2StateName> take() {
    end_module();
    return std::move(names_);
  }

 private:
  std::string module_;
  std::vector<V2StateName> names_, again_;
};

}  // namespace

std::vector<V2StateName> v2_state_names(const NetworkPlan& plan) {
  NameList names;
  for (const std::string_view prefix : {"", "decoder."}) {
    for (const auto& [name, shape] : state_entries(plan))
      if (name.starts_with(kEncoder)) names.add(name, std::string(prefix));
    names.end_module();
  }
  for (const auto& [name, shape] : state_entries(plan))
    if (!name.starts_with(kEncoder)) names.add(name, "");
  return names.take();
}

StateDict v2_state(const Value& weights, const NetworkPlan& plan, const std::string& source, const std::string& trainer,
                   V2Part part) {
  const auto refuse = [&](const std::string& problem) {
    throw Error(source, problem,
                fmt::format("use the checkpoint that belongs to these plans; the trainer {} may also build another "
                            "network than its plans say, which is not known",
                            trainer));
  };
  std::unordered_map<std::string, HostTensor> given;
  const auto is_wanted = [part](const std::string& name) {
    return part == V2Part::whole || name.find(kHeads) == std::string::npos;
  };
  for (const auto& [name, value] : weights.as_dict(source + " (network_weights)")) {
    if (!is_wanted(name)) continue;
    const auto* tensor = std::get_if<HostTensor>(&value.data);
    if (tensor == nullptr) refuse(fmt::format("the weights \"{}\" are no tensor that is known", name));
    const auto [place, is_new] = given.try_emplace(plain_name(name), *tensor);
    if (!is_new && !same_numbers(place->second, *tensor))
      refuse(fmt::format("the weights \"{}\" are there twice, with different numbers", place->first));
  }
  StateDict state;
  for (const auto& [name, shape] : state_entries(plan)) {
    if (!is_wanted(name)) continue;
    const auto found = given.find(name);
    if (found == given.end()) refuse(fmt::format("the weights \"{}\" are missing", name));
    if (found->second.sizes != shape)
      refuse(fmt::format("the weights \"{}\" have the shape ({}), the network of the plans needs ({})", name,
                         shape_text(found->second.sizes), shape_text(shape)));
    state.emplace_back(name, std::move(found->second));
    given.erase(found);
  }
  if (part == V2Part::whole && !given.empty())
    refuse(fmt::format("the weights \"{}\" are no part of the network", given.begin()->first));
  return state;
}

}  // namespace nnunet
