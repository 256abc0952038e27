#pragma once
#include <functional>
#include <memory>

#include "command.h"

// CLI11 itself, which costs two seconds a file, is for the files that parse.
namespace CLI {
class App;
}

namespace nnunet::app {

/// Gives the program a subcommand that is parsed as its block says and then does `run`. What the block's options point
/// at must live as long as the program.
void add_to(CLI::App& program, const Command& command, std::function<void()> run = {});

/// The same, with a struct of its own that `run` gets.
template <class Flags>
void add_command(CLI::App& program, Command (*block)(Flags&), std::function<void(Flags&)> run) {
  const auto flags = std::make_shared<Flags>();
  add_to(program, block(*flags), [flags, run] { run(*flags); });
}

}  // namespace nnunet::app
