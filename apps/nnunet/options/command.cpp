#include "command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <type_traits>

namespace nnunet::app {
namespace {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
std::string type_of() {
  if constexpr (IsVector<T>::value) return type_of<typename T::value_type>();
  if constexpr (std::is_same_v<T, std::optional<int>>) return "INT";
  if constexpr (std::is_integral_v<T>) return std::is_unsigned_v<T> ? "UINT" : "INT";
  if constexpr (std::is_floating_point_v<T>) return "FLOAT";
  return "TEXT";
}

template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, bool> || IsVector<T>::value) return "";
  if constexpr (std::is_arithmetic_v<T>) return fmt::format("{}", value);
  if constexpr (std::is_same_v<T, std::filesystem::path>) return value.string();
  if constexpr (std::is_same_v<T, std::string>) return value;
  return "";
}

bool has_word(const std::string& text, const std::string& word) {
  const auto letter = [&](std::size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at]));
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if (!letter(at - 1) && !letter(at + word.size())) return true;
  return false;
}

/// Calls `visitor` with what the target points at, or with the target itself.
template <class Visitor>
auto visit(const Target& target, const Visitor& visitor) {
  return std::visit(
      [&](const auto& t) {
        if constexpr (std::is_pointer_v<std::decay_t<decltype(t)>>)
          return visitor(*t);
        else
          return visitor(t);
      },
      target);
}

template <class T>
using Plain = std::remove_cv_t<std::remove_reference_t<T>>;

}  // namespace

std::string Range::text() const {
  if (open) return fmt::format("above {}{}", low, std::isinf(high) ? "" : fmt::format(", at most {}", high));
  if (std::isinf(high)) return fmt::format("at least {}", low);
  return fmt::format("from {} to {}", low, high);
}

Option& Option::values(std::string names, int at_least, int at_most) {
  value_names = std::move(names);
  least = at_least;
  most = at_most;
  return *this;
}

bool Option::is_flag() const {
  return visit(target, [](const auto& value) {
    using T = Plain<decltype(value)>;
    if constexpr (std::is_same_v<T, Ignored>) return value.flag;
    return std::is_same_v<T, bool>;
  });
}

bool Option::is_list() const {
  return visit(target, [](const auto& value) {
    using T = Plain<decltype(value)>;
    if constexpr (std::is_same_v<T, Ignored>) return value.list;
    return IsVector<T>::value;
  });
}

bool Option::is_path() const {
  using std::filesystem::path;
  return std::holds_alternative<path*>(target) || std::holds_alternative<std::optional<path>*>(target) ||
         std::holds_alternative<std::vector<path>*>(target);
}

bool Option::is_whole() const {
  if (const auto* const scaled = std::get_if<Scaled>(&target)) return scaled->whole;
  const std::string of = visit(target, [](const auto& value) { return type_of<Plain<decltype(value)>>(); });
  return of == "INT" || of == "UINT";
}

std::string Option::type() const {
  if (is_flag()) return "";
  if (!value_names.empty()) return value_names;
  if (const auto* const scaled = std::get_if<Scaled>(&target)) return scaled->whole ? "INT" : "FLOAT";
  return visit(target, [](const auto& value) { return type_of<Plain<decltype(value)>>(); });
}

std::string Option::default_text() const {
  if (required || !default_means.empty()) return "";
  return visit(target, [](const auto& value) -> std::string {
    using T = Plain<decltype(value)>;
    if constexpr (std::is_same_v<T, Named>) return value.get();
    if constexpr (std::is_same_v<T, Scaled>) return fmt::format("{}", value.get());
    return text_of(value);
  });
}

std::vector<const Option*> Command::options() const {
  std::vector<const Option*> all;
  for (const Group& group : groups)
    for (const Option& option : group.options) all.push_back(&option);
  return all;
}

const Option* Command::find(const std::string& option_name) const {
  const auto all = options();
  const auto found = std::ranges::find_if(all, [&](const Option* o) { return o->name == option_name; });
  return found == all.end() ? nullptr : *found;
}

std::vector<std::string> Command::references() const {
  std::vector<std::string> all;
  for (const Option* const option : options())
    if (!option->hidden && !option->reference.empty() && std::ranges::find(all, option->reference) == all.end())
      all.push_back(option->reference);
  return all;
}

std::string help_text(const Option& option) {
  std::string notes = has_word(option.help, option.unit) ? "" : option.unit;
  if (!option.default_means.empty())
    notes += fmt::format("{}default: {}", notes.empty() ? "" : "; ", option.default_means);
  return notes.empty() ? option.help : fmt::format("{} ({})", option.help, notes);
}

}  // namespace nnunet::app
