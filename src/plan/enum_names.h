#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace nnunet {

/// What the values of an enum are called in files.
template <class Enum, std::size_t kCount>
using EnumNames = std::array<std::pair<Enum, const char*>, kCount>;

template <class Enum, std::size_t kCount>
const char* name_of(const EnumNames<Enum, kCount>& names, Enum value) {
  return std::ranges::find(names, value, &std::pair<Enum, const char*>::first)->second;
}

/// Nothing for a name that is not known.
template <class Enum, std::size_t kCount>
std::optional<Enum> value_of(const EnumNames<Enum, kCount>& names, std::string_view name) {
  const auto found = std::ranges::find_if(names, [&](const auto& pair) { return name == pair.second; });
  return found == names.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace nnunet
