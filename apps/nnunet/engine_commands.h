#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace nnunet::app {

/// A command that needs libtorch, whose libraries take a quarter of a second to load. These live in a program of their
/// own, nnunet-engine; nnunet lists them and turns into it when one is called.
struct EngineCommand {
  std::string_view name, description;
};

inline constexpr std::array<EngineCommand, 7> kEngineCommands{{
    {"train", "Train a network on one fold of a preprocessed task"},
    {"evaluate", "Dice of a checkpoint on the validation cases of a fold"},
    {"predict", "Segment NIfTI images (--input), or the cases of a preprocessed folder (--data)"},
    {"export", "Write a trained network for other programs: TorchScript, ONNX, Triton Inference Server"},
    {"serve", "Answer requests over HTTP (KServe v2 / Triton protocol, NIfTI files) with models kept in memory"},
    {"info", "Say what a checkpoint, a preprocessed folder, a dataset folder, a NIfTI image or a .npy file holds"},
    {"benchmark", "Measure a part of the program: throughput, latency, memory, share of what the machine can do"},
}};

inline CLI::App* add_engine_command(CLI::App& program, std::string_view name) {
  const auto command = std::ranges::find_if(kEngineCommands, [&](const EngineCommand& c) { return c.name == name; });
  return program.add_subcommand(std::string(command->name), std::string(command->description));
}

}  // namespace nnunet::app
