#include <fmt/format.h>

#include <algorithm>

#include "pages.h"

namespace nnunet::app {
namespace {

/// Text of a paragraph or a table's cell.
std::string plain(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return escaped(text, "|<*");
}

std::string code(const std::string& text) {
  return text.empty() ? "" : fmt::format("`{}`", escaped(text, "|"));
}

std::string meaning(const Option& option) {
  const std::string rule = value_rule(option);
  return plain(option.help) + (rule.empty() ? "" : fmt::format(" ({})", plain(rule)));
}

std::string default_cell(const Option& option) {
  return option.default_means.empty() ? code(option.default_text()) : plain(option.default_means);
}

std::string row(const Option& option) {
  std::string names = option.name;
  if (!option.no_name.empty()) names += ", " + option.no_name;
  if (!option.other_name.empty()) names += ", " + option.other_name;
  const std::string word = value_word(option);
  return fmt::format("| {} | {} | {} |\n", code(word.empty() ? names : names + " " + word), default_cell(option),
                     meaning(option));
}

std::string group_text(const Group& group) {
  std::string rows;
  for (const Option& option : group.options)
    if (!option.hidden) rows += row(option);
  if (rows.empty()) return "";
  return fmt::format("### {}\n\n| option | default | |\n|---|---|---|\n{}\n",
                     group.title.empty() ? "Options" : plain(group.title), rows);
}

std::string examples(const Command& command) {
  std::string text;
  for (const Example& example : command.examples)
    text += (example.says.empty() ? "" : fmt::format("# {}\n", example.says)) + example.line + "\n";
  return text.empty() ? "" : fmt::format("```\n{}```\n\n", text);
}

std::string references(const Command& command) {
  std::string text;
  for (const std::string& reference : command.references()) text += fmt::format("- {}\n", plain(reference));
  return text.empty() ? "" : fmt::format("### References\n\n{}\n", text);
}

std::string section(const Command& command) {
  std::string text = fmt::format("## nnunet {}\n\n{}.\n", command.name, plain(command.summary));
  if (!command.description.empty()) text += plain(command.description) + "\n";
  if (!command.notes.empty()) text += fmt::format("\n{}\n", plain(command.notes));
  text += fmt::format("\n```\n{}\n```\n\n", synopsis(command));
  if (!command.examples.empty()) text += "Examples:\n\n" + examples(command);
  for (const Group& group : command.groups) text += group_text(group);
  return text + references(command);
}

/// Links to the sections, and the sections.
std::string sections(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands)
    text += fmt::format("- [nnunet {}](#{}): {}\n", command.name, page_name(command), plain(command.summary));
  text += "\n";
  for (const Command& command : commands) text += section(command);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace

std::string markdown(const std::vector<Command>& commands) {
  return fmt::format(
             "<!-- {} -->\n# Commands\n\nOf an option given twice the last counts; lists of files and of models "
             "collect. `nnunet COMMAND --help` says the same as this page, `man nnunet-COMMAND` too where the program "
             "is installed.\n\n",
             kGeneratedNote) +
         sections(commands);
}

std::string markdown_v2(const std::vector<Command>& commands) {
  return fmt::format(
             "<!-- {} -->\n# nnU-Net v2's commands\n\nThey take the flags of nnU-Net v2 2.8 and have its defaults. "
             "Each "
             "can be called by its own name, too: `nnUNetv2_predict` is `nnunet v2 predict`. The links to these names "
             "lie "
             "in a folder of their own (`build/bin/v2`; `libexec/nnunet/v2` of an installation): put it in front of "
             "`PATH` "
             "and scripts that call nnU-Net v2 call this program.\n\n",
             kGeneratedNote) +
         sections(commands);
}

}  // namespace nnunet::app
