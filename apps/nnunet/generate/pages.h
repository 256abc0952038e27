#pragma once
#include <string>
#include <vector>

#include "options/command.h"

/// What is written from the commands' blocks.
namespace nnunet::app {

/// docs/commands.md.
std::string markdown(const std::vector<Command>& commands);
/// docs/v2-commands.md.
std::string markdown_v2(const std::vector<Command>& commands);
/// "nnunet-v2-predict".
std::string page_name(const Command& command);
/// nnunet-NAME.1 and nnunet.1, roff.
std::string man_page(const Command& command);
std::string man_overview(const std::vector<Command>& commands);
/// Completion of `nnunet`, `nnunet v2` and the commands of nnU-Net v2's names.
std::string bash_completion(const std::vector<Command>& commands, const std::vector<Command>& v2_commands);
std::string zsh_completion(const std::vector<Command>& commands, const std::vector<Command>& v2_commands);

/// "nnunet export --ckpt_path PATH --format CHOICE --output PATH [options]".
std::string synopsis(const Command& command);
/// What an option takes: "PATH", "INT", "CHOICE"; empty for flags.
std::string value_word(const Option& option);
/// What its values may be: "from 0 to 1", "one of sgd, radam, adam", "above 0; mm".
std::string value_rule(const Option& option);
/// Its default, as a value or in words; empty where it has none.
std::string default_rule(const Option& option);
/// `text` with each of `characters` after a backslash.
std::string escaped(const std::string& text, const std::string& characters);

inline constexpr const char* kGeneratedNote = "Written by nnunet-docs from apps/nnunet/options. Do not edit.";

}  // namespace nnunet::app
