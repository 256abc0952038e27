#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.h"
#include "pages.h"

namespace nnunet::app {
namespace {

std::string flag_names(const Command& command) {
  std::vector<std::string> names{"--help"};
  for (const Option* const option : offered(command))
    for (const std::string& name : {option->name, option->other_name, option->no_name})
      if (!name.empty()) names.push_back(name);
  return fmt::format("{}", fmt::join(names, " "));
}

/// As a pattern of a case.
std::string pattern(const Option& option) {
  return option.other_name.empty() ? option.name : fmt::format("{}|{}", option.name, option.other_name);
}

/// What follows an option that takes a value, as a case of $prev. What is neither a choice nor a path is left open.
std::string values(const Command& command) {
  std::string text;
  std::vector<std::string> paths, open;
  for (const Option* const option : offered(command)) {
    if (option->is_flag()) continue;
    if (!option->choices.empty())
      text += fmt::format("        {}) choices=\"{}\" ;;\n", pattern(*option), fmt::join(option->choices, " "));
    else
      (option->is_path() ? paths : open).push_back(pattern(*option));
  }
  if (!paths.empty()) text += fmt::format("        {}) kind=path ;;\n", fmt::join(paths, "|"));
  if (!open.empty()) text += fmt::format("        {}) kind=value ;;\n", fmt::join(open, "|"));
  return text;
}

std::string case_of(const Command& command) {
  std::string text = fmt::format("    \"{}\")\n      options=\"{}\"\n", command.name, flag_names(command));
  if (takes_arguments(command)) text += "      [[ $cur != -* ]] && kind=path\n";
  if (const std::string after = values(command); !after.empty())
    text += fmt::format("      case $prev in\n{}      esac\n", after);
  return text + "      ;;\n";
}

/// Which command it is, by the program's name and the first words; while these are written, they are offered.
std::string choice_of_command(const std::vector<Command>& commands, const std::vector<Command>& v2_commands) {
  std::vector<std::string> names, v2_names;
  for (const Command& command : commands) names.push_back(command.name);
  for (const Command& command : v2_commands) v2_names.push_back(v2_name(command));
  const auto offer = [](const std::vector<std::string>& words, const char* more) {
    return fmt::format("    mapfile -t COMPREPLY < <(compgen -W \"{} {}\" -- \"$cur\")\n    return\n",
                       fmt::join(words, " "), more);
  };
  std::string text = "  if [[ $command == nnUNetv2_* ]]; then\n    command=\"v2 ${command#nnUNetv2_}\"\n";
  text += "  elif ((COMP_CWORD == 1)); then\n" + offer(names, "v2 --help --version");
  text += "  elif [[ ${COMP_WORDS[1]} != v2 ]]; then\n    command=${COMP_WORDS[1]}\n";
  text += "  elif ((COMP_CWORD == 2)); then\n" + offer(v2_names, "--help");
  return text + "  else\n    command=\"v2 ${COMP_WORDS[2]}\"\n  fi\n";
}

std::string program_names(const std::vector<Command>& v2_commands) {
  std::string names = "nnunet";
  for (const Command& command : v2_commands) names += " nnUNetv2_" + v2_name(command);
  return names;
}

}  // namespace

std::string bash_completion(const std::vector<Command>& commands, const std::vector<Command>& v2_commands) {
  std::string text = fmt::format("# {}\n", kGeneratedNote);
  text += R"(_nnunet() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options="" choices="" kind=""
  local command=${COMP_WORDS[0]##*/}
  COMPREPLY=()
)";
  text += choice_of_command(commands, v2_commands);
  text += R"(  # --option=value comes as three words.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $command in
)";
  for (const auto* const list : {&commands, &v2_commands})
    for (const Command& command : *list) text += case_of(command);
  text += R"(  esac
  if [[ -n $choices ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
  elif [[ $kind == path ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  elif [[ -z $kind ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  fi
}
)";
  return text + fmt::format("complete -F _nnunet {}\n", program_names(v2_commands));
}

}  // namespace nnunet::app
