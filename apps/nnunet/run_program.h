#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace nnunet::app {

/// Name, version and layout of the help, for both programs.
void describe_program(CLI::App& program);

/// This process's command line, the program's name first.
std::vector<std::string> own_arguments();

/// Parses and runs. Failures become messages and exit codes: 0 done, 1 failed, 2 and above: the command line was wrong
/// (CLI11's codes).
int run_program(CLI::App& program, int argc, char** argv);

}  // namespace nnunet::app
