#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace nnunet::app {

/// Name, version and layout of the help, for both programs.
void describe_program(CLI::App& program);

/// This process's command line, the program's name first.
std::vector<std::string> own_arguments();

/// Parses and runs. Failures become messages and exit codes: 0 done, 1 failed, 2 and above: the command line was wrong
/// (CLI11's codes).
int run_program(CLI::App& program, int argc, char** argv);

/// Ends what run_program runs, with this exit code and without a message.
[[noreturn]] void end_program(int code);

/// Ends it for a signal by this name, with a message: it can be continued.
[[noreturn]] void end_interrupted(const std::string& signal);

/// Ends it as a command line that lacks something needed.
[[noreturn]] void end_for_missing(const std::string& what);

}  // namespace nnunet::app
