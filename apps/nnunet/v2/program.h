#pragma once
#include <optional>
#include <string>
#include <vector>

namespace nnunet::app {

/// One of nnU-Net v2's commands, as it was called.
struct V2Call {
  std::string program;             ///< for messages: "nnUNetv2_predict", "nnunet v2 predict"
  std::string command;             ///< "predict"; empty: `nnunet v2` alone
  std::vector<std::string> words;  ///< what follows
};

/// The program's name decides (nnUNetv2_predict, a link to nnunet), or the first word (nnunet v2 predict). Nothing: it
/// is another command.
std::optional<V2Call> v2_call(int argc, char** argv);

/// Runs it. Exit code: 0 done, 1 failed, 2 the command line was wrong, as of nnU-Net's own commands.
int run_v2(const V2Call& call);

}  // namespace nnunet::app
