#include "run_program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <fstream>
#include <memory>
#include <new>
#include <sstream>
#include <string>

#include "nnunet/core/cpu.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/core/version.h"
#include "options/option_rules.h"

namespace nnunet::app {
namespace {

/// Lists commands with one line each; the rest of what they say is for their own help.
class Formatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override {
    std::string line = command->get_description();
    line.resize(std::min(line.find(".\n"), line.size()));
    std::stringstream text;
    CLI::detail::format_help(text, command->get_name(), line, column_width_);
    return text.str();
  }
};

/// What stands in the place of a command; empty: there is one, or nothing.
std::string unknown_command(const CLI::App& program, int argc, char** argv) {
  if (!program.get_subcommands().empty() || argc < 2 || argv[1][0] == '-') return {};
  return argv[1];
}

}  // namespace

void describe_program(CLI::App& program) {
  program.name("nnunet");
  program.description(
      "nnU-Net in native C++: medical image segmentation from raw NIfTI files to trained networks and label maps.\n"
      "Each command explains itself with --help.");
  program.set_version_flag("--version", program_version());
  program.require_subcommand(1);
  program.formatter(std::make_shared<Formatter>());
  program.get_formatter()->column_width(34);
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

int run_program(CLI::App& program, int argc, char** argv) {
  // A write beyond a file size limit shall fail like one to a full disk: with a message, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    chosen_isa();  // a wrong NNUNET_ISA is said before any work
    apply_option_rules(program);
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& e) {
    if (const std::string word = unknown_command(program, argc, argv); !word.empty()) {
      log::error(word + " is no command of nnunet. nnunet --help lists them");
      return e.get_exit_code();
    }
    return program.exit(e);
  } catch (const std::bad_alloc&) {
    log::error("out of memory. Use a smaller batch or patch, or fewer parallel jobs (--n_jobs, --num_workers)");
  } catch (const std::exception& e) {
    log::error(e.what());
  }
  return 1;
}

void end_program(int code) {
  throw CLI::RuntimeError(code);
}

void end_interrupted(const std::string& signal) {
  log::warn(signal + ": stopped; the same command goes on with what is missing");
  end_program(kInterruptedExitCode);
}

void end_for_missing(const std::string& what) {
  throw CLI::RequiredError(what);
}

}  // namespace nnunet::app
