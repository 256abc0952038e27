#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace nnunet::app {

/// A command that always needs libtorch. These live in a program of their own, nnunet-engine; nnunet lists them and
/// turns into it when one is called.
struct EngineCommand {
  std::string_view name, description;
};

inline constexpr std::array<EngineCommand, 2> kEngineCommands{{
    {"train", "Train a network on one fold of a preprocessed task"},
    {"benchmark", "Measure a part of the program: throughput, latency, memory, share of what the machine can do"},
}};

inline bool is_engine_command(std::string_view name) {
  return std::ranges::any_of(kEngineCommands, [&](const EngineCommand& c) { return c.name == name; });
}

inline CLI::App* add_engine_command(CLI::App& program, std::string_view name) {
  const auto command = std::ranges::find_if(kEngineCommands, [&](const EngineCommand& c) { return c.name == name; });
  return program.add_subcommand(std::string(command->name), std::string(command->description));
}

}  // namespace nnunet::app
