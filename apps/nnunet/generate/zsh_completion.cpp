#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"
#include "pages.h"

namespace nnunet::app {
namespace {

std::string quoted(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result;
}

/// One option by one of its names. The value of a long one may follow on an equals sign.
std::string spec(const Option& option, const std::string& name) {
  const std::string help = quoted(escaped(option.help, "[]:\\"));
  if (option.is_flag()) return fmt::format("'{}[{}]'", name, help);
  const std::string action = !option.choices.empty() ? fmt::format("({})", fmt::join(option.choices, " "))
                             : option.is_path()      ? "_files"
                                                     : " ";
  return fmt::format("'{}{}{}[{}]:{}:{}'", option.is_list() ? "*" : "", name, name.starts_with("--") ? "=" : "", help,
                     quoted(escaped(value_word(option), "[]:\\")), action);
}

std::string case_of(const Command& command) {
  std::string text = fmt::format("    '{}')\n      _arguments '(-h --help)'{{-h,--help}}'[print help]'", command.name);
  for (const Option* const option : offered(command)) {
    for (const std::string& name : {option->name, option->other_name})
      if (!name.empty()) text += " \\\n        " + spec(*option, name);
    if (!option->no_name.empty()) text += fmt::format(" \\\n        '{}[the opposite]'", option->no_name);
  }
  if (takes_arguments(command)) text += " \\\n        '*:path:_files'";
  return text + "\n      ;;\n";
}

std::string described(const std::string& name, const std::string& summary) {
  return fmt::format("    '{}:{}'\n", name, quoted(escaped(summary, ":")));
}

std::string lists(const std::vector<Command>& commands, const std::vector<Command>& v2_commands) {
  std::string text = "  local -a commands=(\n";
  for (const Command& command : commands) text += described(command.name, command.summary);
  text += described("v2", kV2Summary) + "  )\n  local -a v2_commands=(\n";
  for (const Command& command : v2_commands) text += described(v2_name(command), command.summary);
  return text + "  )\n";
}

}  // namespace

std::string zsh_completion(const std::vector<Command>& commands, const std::vector<Command>& v2_commands) {
  std::string text = "#compdef nnunet";
  for (const Command& command : v2_commands) text += " nnUNetv2_" + v2_name(command);
  text += fmt::format("\n# {}\n_nnunet() {{\n", kGeneratedNote) + lists(commands, v2_commands);
  text += R"(  local command
  if [[ $service == nnUNetv2_* ]]; then
    command="v2 ${service#nnUNetv2_}"
  elif ((CURRENT == 2)); then
    _describe command commands
    return
  else
    shift words
    ((CURRENT--))
    command=$words[1]
    if [[ $command == v2 ]]; then
      if ((CURRENT == 2)); then
        _describe command v2_commands
        return
      fi
      shift words
      ((CURRENT--))
      command="v2 $words[1]"
    fi
  fi
  case $command in
)";
  for (const auto* const list : {&commands, &v2_commands})
    for (const Command& command : *list) text += case_of(command);
  return text + "  esac\n}\n_nnunet \"$@\"\n";
}

}  // namespace nnunet::app
