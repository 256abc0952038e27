#pragma once
#include <CLI/CLI.hpp>

/// Checks of numbers on the command line whose messages are short enough to be read.
namespace nnunet::app {

/// "must be above 0, not -1".
CLI::Validator positive();
/// "must be at least 0, not -1".
CLI::Validator not_negative();
/// "must be from LOW to HIGH, not 7".
CLI::Validator between(int low, int high);
CLI::Validator between(double low, double high);

struct NumberKind {
  bool whole = false;  ///< integers only
  bool list = false;   ///< several may follow each other
};
/// Finite numbers of that kind; decimal commas get a message of their own. Set for every option by apply_option_rules.
CLI::Validator numeric(NumberKind kind);

}  // namespace nnunet::app
