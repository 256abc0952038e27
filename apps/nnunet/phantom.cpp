#include "options/phantom.h"

#include <fmt/format.h>

#include <iostream>

#include "commands.h"
#include "options/parser.h"

namespace nnunet::app {

void add_phantom(CLI::App& program) {
  add_command<PhantomOptions>(program, phantom_command, [](const PhantomOptions& options) {
    const auto folder = write_phantom(options);
    std::cout << fmt::format("{} training and {} test cases in {}\n", options.cases, options.test_cases,
                             folder.string());
  });
}

}  // namespace nnunet::app
