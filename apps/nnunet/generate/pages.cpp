#include "pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace nnunet::app {
namespace {

bool has_name(const Option& option) {
  return option.name.starts_with("-");
}

}  // namespace

std::string value_word(const Option& option) {
  if (option.is_flag()) return "";
  if (!option.value_names.empty()) return option.value_names;
  const std::string word = !option.choices.empty() ? "CHOICE" : option.is_path() ? "PATH" : option.type();
  return option.is_list() ? word + " ..." : word;
}

std::string value_rule(const Option& option) {
  std::vector<std::string> parts;
  if (!option.choices.empty()) parts.push_back(fmt::format("one of {}", fmt::join(option.choices, ", ")));
  if (option.range) parts.push_back(option.range->text());
  if (!option.unit.empty()) parts.push_back(option.unit);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string default_rule(const Option& option) {
  return option.default_means.empty() ? option.default_text() : option.default_means;
}

std::string synopsis(const Command& command) {
  std::string line = "nnunet " + command.name, arguments;
  for (const Option* const option : command.options()) {
    if (!has_name(*option))
      arguments += option->required ? " " + option->name : fmt::format(" [{} ...]", option->name);
    else if (option->required)
      line += fmt::format(" {} {}", option->name, value_word(*option));
  }
  return line + " [options]" + arguments;
}

std::string page_name(const Command& command) {
  std::string name = "nnunet-" + command.name;
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string escaped(const std::string& text, const std::string& characters) {
  std::string result;
  for (const char c : text) {
    if (characters.find(c) != std::string::npos) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace nnunet::app
