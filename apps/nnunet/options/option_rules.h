#pragma once
#include <CLI/CLI.hpp>

namespace nnunet::app {

/// What holds for every option of every command, set once all are declared. Of an option given twice the last counts,
/// as in argparse, so that a script's defaults can be overridden: values, flags and lists of numbers. Lists of files
/// and of models go on collecting. Numbers are checked with messages that can be read.
void apply_option_rules(CLI::App& program);

}  // namespace nnunet::app
