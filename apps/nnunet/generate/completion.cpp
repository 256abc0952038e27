#include <fmt/format.h>
#include <fmt/ranges.h>

#include "pages.h"

namespace nnunet::app {
namespace {

std::vector<const Option*> visible(const Command& command) {
  std::vector<const Option*> all;
  for (const Option* const option : command.options())
    if (!option->hidden && option->name.starts_with("-")) all.push_back(option);
  return all;
}

std::vector<std::string> flag_names(const Command& command) {
  std::vector<std::string> names{"--help"};
  for (const Option* const option : visible(command)) {
    names.push_back(option->name);
    if (!option->no_name.empty()) names.push_back(option->no_name);
  }
  return names;
}

std::vector<std::string> command_names(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  return names;
}

/// What follows an option that takes a value, as a case of $prev. What is neither a choice nor a path is left open.
std::string bash_values(const Command& command) {
  std::string text;
  std::vector<std::string> paths, open;
  for (const Option* const option : visible(command)) {
    if (option->is_flag()) continue;
    if (!option->choices.empty())
      text += fmt::format("        {}) choices=\"{}\" ;;\n", option->name, fmt::join(option->choices, " "));
    else
      (option->is_path() ? paths : open).push_back(option->name);
  }
  if (!paths.empty()) text += fmt::format("        {}) kind=path ;;\n", fmt::join(paths, "|"));
  if (!open.empty()) text += fmt::format("        {}) kind=value ;;\n", fmt::join(open, "|"));
  return text;
}

bool takes_arguments(const Command& command) {
  for (const Option* const option : command.options())
    if (!option->name.starts_with("-")) return true;
  return false;
}

std::string zsh_spec(const Option& option) {
  const auto quoted = [](const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
    return result;
  };
  const std::string help = quoted(escaped(option.help, "[]:\\"));
  if (option.is_flag()) return fmt::format("'{}[{}]'", option.name, help);
  const std::string action = !option.choices.empty() ? fmt::format("({})", fmt::join(option.choices, " "))
                             : option.is_path()      ? "_files"
                                                     : " ";
  return fmt::format("'{}{}=[{}]:{}:{}'", option.is_list() ? "*" : "", option.name, help,
                     quoted(escaped(value_word(option), "[]:\\")), action);
}

std::string zsh_command(const Command& command) {
  std::string text = fmt::format("    {})\n      _arguments '(-h --help)'{{-h,--help}}'[print help]'", command.name);
  for (const Option* const option : visible(command)) {
    text += " \\\n        " + zsh_spec(*option);
    if (!option->no_name.empty()) text += fmt::format(" \\\n        '{}[the opposite]'", option->no_name);
  }
  if (takes_arguments(command)) text += " \\\n        '*:path:_files'";
  return text + "\n      ;;\n";
}

}  // namespace

std::string bash_completion(const std::vector<Command>& commands) {
  std::string text = fmt::format("# {}\n", kGeneratedNote);
  text += R"(_nnunet() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options="" choices="" kind=""
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
)";
  text += fmt::format("    mapfile -t COMPREPLY < <(compgen -W \"{} --help --version\" -- \"$cur\")\n",
                      fmt::join(command_names(commands), " "));
  text += R"(    return
  fi
  # --option=value comes as three words.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case ${COMP_WORDS[1]} in
)";
  for (const Command& command : commands) {
    text += fmt::format("    {})\n      options=\"{}\"\n", command.name, fmt::join(flag_names(command), " "));
    if (takes_arguments(command)) text += "      [[ $cur != -* ]] && kind=path\n";
    if (const std::string values = bash_values(command); !values.empty())
      text += fmt::format("      case $prev in\n{}      esac\n", values);
    text += "      ;;\n";
  }
  return text + R"(  esac
  if [[ -n $choices ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
  elif [[ $kind == path ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  elif [[ -z $kind ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  fi
}
complete -F _nnunet nnunet
)";
}

std::string zsh_completion(const std::vector<Command>& commands) {
  std::string text = fmt::format("#compdef nnunet\n# {}\n", kGeneratedNote);
  text += "_nnunet() {\n  local -a commands=(\n";
  for (const Command& command : commands)
    text += fmt::format("    '{}:{}'\n", command.name, escaped(command.summary, ":"));
  text += R"(  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
)";
  for (const Command& command : commands) text += zsh_command(command);
  return text + "  esac\n}\n_nnunet \"$@\"\n";
}

}  // namespace nnunet::app
