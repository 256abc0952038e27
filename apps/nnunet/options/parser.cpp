#include "parser.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <type_traits>

#include "nnunet/core/log.h"
#include "nnunet/io/names.h"
#include "number_checks.h"

namespace nnunet::app {
namespace {

std::string names_of(const Option& option) {
  std::string names = option.name;
  if (!option.other_name.empty()) names += "," + option.other_name;
  if (!option.no_name.empty()) names += ",!" + option.no_name;
  return names;
}

CLI::Option* add_ignored(CLI::App& c, const Option& o, const Ignored& kind) {
  const auto say = [name = o.name] { log::info(name + " has no effect on this command"); };
  if (kind.flag) return c.add_flag_callback(names_of(o), say, o.help);
  if (kind.list)
    return c.add_option_function<std::vector<std::string>>(
        o.name, [say](const std::vector<std::string>&) { say(); }, o.help);
  return c.add_option_function<std::string>(
      o.name, [say](const std::string&) { say(); }, o.help);
}

CLI::Option* add_target(CLI::App& c, const Option& o) {
  const std::string help = help_text(o);
  return std::visit(
      [&](const auto& target) -> CLI::Option* {
        using T = std::decay_t<decltype(target)>;
        if constexpr (std::is_same_v<T, Ignored>) {
          return add_ignored(c, o, target);
        } else if constexpr (std::is_same_v<T, Named>) {
          return c.add_option_function<std::string>(names_of(o), target.set, help);
        } else if constexpr (std::is_same_v<T, Scaled>) {
          if (!target.whole) return c.add_option_function<double>(names_of(o), target.set, help);
          return c.add_option_function<std::int64_t>(
              names_of(o), [set = target.set](std::int64_t number) { set(static_cast<double>(number)); }, help);
        } else if constexpr (std::is_same_v<T, bool*>) {
          return c.add_flag(names_of(o), *target, help);
        } else {
          return c.add_option(names_of(o), *target, help);
        }
      },
      o.target);
}

CLI::Validator range_check(const Option& o) {
  const Range range = *o.range;
  if (range.open)
    return std::isinf(range.high) ? positive() : between(std::nextafter(range.low, range.high), range.high);
  if (std::isinf(range.high)) return not_negative();
  return o.is_whole() ? between(static_cast<int>(range.low), static_cast<int>(range.high))
                      : between(range.low, range.high);
}

CLI::Validator folder_check(const std::string& option) {
  return {[option](const std::string& folder) { return require_folder_name(folder, option), std::string(); }, ""};
}

void add_option(CLI::App& c, const Option& o, const std::string& group) {
  CLI::Option* const option = add_target(c, o);
  option->group(o.hidden ? "" : group);
  if (!o.choices.empty()) option->check(CLI::IsMember(o.choices));
  if (o.range) option->check(range_check(o));
  if (o.most > 0) option->expected(o.least, o.most)->type_name(o.value_names);
  if (o.required) option->required();
  if (o.new_folder) option->check(folder_check(o.name));
  if (o.existing_file) option->check(CLI::ExistingFile);
  if (const std::string text = o.default_text(); !text.empty()) option->default_str(text);
  if (o.given != nullptr) option->each([given = o.given](const std::string&) { *given = true; });
}

std::string footer(const Command& command) {
  std::string text = command.notes;
  for (const Example& example : command.examples)
    text += fmt::format("{}  {}{}", text.empty() ? "" : "\n", example.line,
                        example.says.empty() ? "" : "\n      " + example.says);
  return text;
}

}  // namespace

void add_to(CLI::App& program, const Command& command, std::function<void()> run) {
  CLI::App* const c = program.add_subcommand(command.name, command.summary);
  if (!command.description.empty()) c->description(command.summary + ".\n" + command.description);
  for (const Group& group : command.groups)
    for (const Option& option : group.options) add_option(*c, option, group.title.empty() ? "Options" : group.title);
  for (const Option* const option : command.options())
    if (!option->needs.empty()) c->get_option(option->name)->needs(c->get_option(option->needs));
  c->footer(footer(command));
  c->callback(std::move(run));
}

}  // namespace nnunet::app
