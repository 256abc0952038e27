#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "nnunet/infer/run_options.h"

/// Flags that several commands share, each in the help's section `group`.
namespace nnunet::app {

/// A network: for `train`, and for commands that load a foreign checkpoint.
void add_network_options(CLI::App& command, NetworkOptions& network, const std::string& group);
/// Where the data are and which part of them is meant.
void add_place_options(CLI::App& command, RunOptions& options, const std::string& results_help);
/// What computes the network.
void add_engine_option(CLI::App& command, std::string& engine, const std::string& group);
/// Mixed precision.
void add_precision_options(CLI::App& command, RunOptions& options, const std::string& group);
/// The sliding window.
void add_window_options(CLI::App& command, RunOptions& options, const std::string& group);

}  // namespace nnunet::app
