#include "completion.h"

#include <algorithm>

namespace nnunet::app {

std::vector<const Option*> offered(const Command& command) {
  std::vector<const Option*> all;
  for (const Option* const option : command.options())
    if (!option->hidden && option->name.starts_with("-")) all.push_back(option);
  return all;
}

bool takes_arguments(const Command& command) {
  return std::ranges::any_of(command.options(), [](const Option* option) { return !option->name.starts_with("-"); });
}

std::string v2_name(const Command& command) {
  return command.name.substr(command.name.find(' ') + 1);
}

}  // namespace nnunet::app
