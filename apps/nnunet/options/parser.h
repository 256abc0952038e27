#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "command.h"

namespace nnunet::app {

/// Gives the program a subcommand that is parsed as its block says. What the block's options point at must live as long
/// as the program.
CLI::App* add_to(CLI::App& program, const Command& command);

/// The same, with a struct of its own that `run` gets.
template <class Flags>
void add_command(CLI::App& program, Command (*block)(Flags&), std::function<void(Flags&)> run) {
  const auto flags = std::make_shared<Flags>();
  add_to(program, block(*flags))->callback([flags, run] { run(*flags); });
}

}  // namespace nnunet::app
