#include "v2/program.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <new>

#include "nnunet/core/cpu.h"
#include "nnunet/core/log.h"
#include "v2/blocks/all_v2_commands.h"
#include "v2/blocks/argparse.h"
#include "v2/commands.h"

namespace nnunet::app {
namespace {

constexpr std::string_view kPrefix = "nnUNetv2_";

struct Entry {
  std::string name;
  std::function<int(const V2Call&)> run;
};

template <class Flags>
Entry entry(Command (*block)(Flags&), int (*run)(const Flags&)) {
  Flags defaults;
  const auto call = [block, run](const V2Call& v2) {
    Flags flags;
    const Command command = block(flags);
    try {
      if (!parse_arguments(command, v2.words)) {
        std::fputs(help(command, v2.program).c_str(), stdout);
        return 0;
      }
    } catch (const WrongArguments& e) {
      std::fputs(fmt::format("{}{}: error: {}\n", usage(command, v2.program), v2.program, e.what()).c_str(), stderr);
      return 2;
    }
    return run(flags);
  };
  return {block(defaults).name.substr(std::string_view("v2 ").size()), call};
}

std::vector<Entry> entries() {
  return {entry(v2_preprocess_command, run_v2_preprocess),
          entry(v2_plan_and_preprocess_command, run_v2_plan_and_preprocess),
          entry(v2_predict_command, run_v2_predict),
          entry(v2_predict_from_modelfolder_command, run_v2_predict),
          entry(v2_extract_fingerprint_command, run_v2_extract_fingerprint),
          entry(v2_convert_decathlon_command, run_v2_convert_decathlon),
          entry(v2_convert_old_command, run_v2_convert_old),
          entry(v2_ensemble_command, run_v2_ensemble),
          entry(v2_determine_postprocessing_command, run_v2_determine_postprocessing),
          entry(v2_apply_postprocessing_command, run_v2_apply_postprocessing),
          entry(v2_evaluate_folder_command, run_v2_evaluate_folder),
          entry(v2_evaluate_simple_command, run_v2_evaluate_simple),
          entry(v2_accumulate_command, run_v2_accumulate),
          entry(v2_find_best_configuration_command, run_v2_find_best_configuration),
          entry(v2_export_command, run_v2_export),
          entry(v2_install_command, run_v2_install),
          entry(v2_download_command, run_v2_download),
          entry(v2_overlay_command, run_v2_overlay),
          entry(v2_plan_experiment_command, run_v2_plan_experiment),
          entry(v2_move_plans_command, run_v2_move_plans)};
}

std::string list_of_commands() {
  std::string text = "usage: nnunet v2 COMMAND ...   (or nnUNetv2_COMMAND, a link to this program)\n\ncommands:\n";
  for (const Command& command : all_v2_commands())
    text += fmt::format("  {:<36} {}\n", command.name.substr(3), command.summary);
  return text + "\nEach explains itself with --help.\n";
}

int run_checked(const V2Call& call) {
  if (call.command.empty() || call.command == "-h" || call.command == "--help") {
    std::fputs(list_of_commands().c_str(), stdout);
    return call.command.empty() ? 2 : 0;
  }
  for (const Entry& one : entries())
    if (one.name == call.command) return one.run(call);
  std::fputs(fmt::format("{}: there is no such command.\n{}", call.program, list_of_commands()).c_str(), stderr);
  return 2;
}

}  // namespace

std::optional<V2Call> v2_call(int argc, char** argv) {
  if (argc < 1) return std::nullopt;
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  if (name.starts_with(kPrefix))
    return V2Call{name, name.substr(kPrefix.size()), std::vector<std::string>(argv + 1, argv + argc)};
  if (argc < 2 || std::string_view(argv[1]) != "v2") return std::nullopt;
  if (argc == 2) return V2Call{"nnunet v2", "", {}};
  return V2Call{fmt::format("nnunet v2 {}", argv[2]), argv[2], std::vector<std::string>(argv + 3, argv + argc)};
}

int run_v2(const V2Call& call) {
  // A write beyond a file size limit shall fail like one to a full disk: with a message, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    chosen_isa();  // a wrong NNUNET_ISA is said before any work
    return run_checked(call);
  } catch (const std::bad_alloc&) {
    log::error("out of memory. Work on fewer cases at a time (-np 1)");
  } catch (const std::exception& e) {
    log::error(e.what());
  }
  return 1;
}

}  // namespace nnunet::app
