#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "options/command.h"

/// Command lines as Python's argparse reads them, which the scripts of nnU-Net v2's users rely on: options with one
/// dash and many letters (-step_size 0.5), lists (-f 0 1 2), values after "=", beginnings of names where only one
/// option has them, positional arguments anywhere.
namespace nnunet::app {

/// A command line that does not fit; what() is what is wrong with it.
class WrongArguments : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Puts what the words say into the options' targets. Returns false, having changed nothing, where they ask for help
/// (-h, --help). Throws WrongArguments.
bool parse_arguments(const Command& command, const std::vector<std::string>& words);

/// "usage: nnUNetv2_predict [-h] -i PATH ..." and the whole help, 79 columns wide.
std::string usage(const Command& command, const std::string& program);
std::string help(const Command& command, const std::string& program);

}  // namespace nnunet::app
