#include "option_rules.h"

#include <string>

#include "number_checks.h"

namespace nnunet::app {
namespace {

/// "INT" of "INT:POSITIVE".
std::string value_type(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

void apply(CLI::Option& option) {
  const std::string type = value_type(option);
  const bool whole = type == "INT" || type == "UINT";
  const int most = option.get_items_expected_max();
  // Lists with a type's name of their own, "[D] H W", hold numbers, too, but for words, "FOLD..".
  const bool list_of_few = most > 1 && most < CLI::detail::expected_max_vector_size && !type.ends_with("..");
  const bool numbers = whole || type == "FLOAT" || list_of_few;
  if (most <= 1) option.multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (most > 1 && numbers) option.trigger_on_parse();  // each time anew: the list that was given last is what stays
  if (most > 0 && numbers) option.check(numeric({.whole = whole, .list = most > 1}));
}

}  // namespace

void apply_option_rules(CLI::App& program) {
  for (CLI::Option* const option : program.get_options()) apply(*option);
  for (CLI::App* const command : program.get_subcommands([](const CLI::App*) { return true; }))
    apply_option_rules(*command);
}

}  // namespace nnunet::app
