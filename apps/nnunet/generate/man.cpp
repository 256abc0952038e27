#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "pages.h"

namespace nnunet::app {
namespace {

/// One line of roff that stands for itself.
std::string line(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  const bool command = result.starts_with(".") || result.starts_with("'");
  return fmt::format("{}{}\n", command ? "\\&" : "", result);
}

std::string lines(const std::string& text) {
  std::istringstream in(text);
  std::string result;
  for (std::string each; std::getline(in, each);) result += line(each);
  return result;
}

std::string title(const std::string& name, const std::string& summary) {
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".\\\" {}\n.TH {} 1 \"\" nnunet \"nnunet's commands\"\n.SH NAME\n{}", kGeneratedNote, upper,
                     line(name + " - " + summary));
}

std::string option_text(const Option& option) {
  std::string head = option.name, rest = option.help;
  if (!option.no_name.empty()) head += ", " + option.no_name;
  if (!option.other_name.empty()) head += ", " + option.other_name;
  if (const std::string word = value_word(option); !word.empty()) head += " " + word;
  if (const std::string rule = value_rule(option); !rule.empty()) rest += fmt::format(" ({})", rule);
  rest += ".\n";
  if (const std::string value = default_rule(option); !value.empty()) rest += fmt::format("Default: {}.\n", value);
  if (!option.needs.empty()) rest += fmt::format("Only with {}.\n", option.needs);
  return ".TP\n.B " + line(head) + lines(rest);
}

std::string group_text(const Group& group) {
  std::string text;
  for (const Option& option : group.options)
    if (!option.hidden) text += option_text(option);
  if (text.empty() || group.title.empty()) return text;
  return ".SS " + line(group.title) + text;
}

std::string examples(const Command& command) {
  std::string text;
  for (const Example& example : command.examples) {
    if (!example.says.empty()) text += ".PP\n" + line(example.says + ":");
    text += ".PP\n.RS 4\n.nf\n" + line(example.line) + ".fi\n.RE\n";
  }
  return text.empty() ? "" : ".SH EXAMPLES\n" + text;
}

std::string references(const Command& command) {
  std::string text;
  for (const std::string& reference : command.references()) text += ".PP\n" + line(reference + ".");
  return text.empty() ? "" : ".SH REFERENCES\n" + text;
}

}  // namespace

std::string man_page(const Command& command) {
  std::string text = title(page_name(command), command.summary);
  text += ".SH SYNOPSIS\n.B " + line(synopsis(command));
  text += ".SH DESCRIPTION\n" + lines(command.summary + ".\n" + command.description);
  if (!command.notes.empty()) text += ".PP\n" + lines(command.notes);
  text += ".SH OPTIONS\n.TP\n.B \\-h, \\-\\-help\nPrint a help message and exit.\n";
  for (const Group& group : command.groups) text += group_text(group);
  return text + examples(command) + references(command) + ".SH SEE ALSO\n.BR nnunet (1)\n";
}

std::string man_overview(const std::vector<Command>& commands) {
  std::string text = title("nnunet", "medical image segmentation from NIfTI files to trained networks and label maps");
  text += ".SH SYNOPSIS\n.B nnunet\n.I command\n[options]\n.br\n.B nnunet\n.I command\n.B \\-\\-help\n.SH COMMANDS\n";
  for (const Command& command : commands)
    text += fmt::format(".TP\n.BR nnunet\\-{} (1)\n", command.name) + line(command.summary + ".");
  return text +
         ".SH EXIT STATUS\n0: done. 1: failed, with a message that says the file, the problem and the remedy. 75: "
         "stopped by a signal, and saved. Above 100: the command line was wrong.\n";
}

}  // namespace nnunet::app
