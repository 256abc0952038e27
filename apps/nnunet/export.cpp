// nnunet export: a trained network for other programs.
#include "nnunet/export/export.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>

#include "commands.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "nnunet/data/folder.h"
#include "options/export.h"
#include "options/parser.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

/// "nnunet_Dataset004_Hippocampus_3d_fullres", of characters that servers take.
std::string served_name(const V2Description& description) {
  std::string name = fmt::format("nnunet_{}_{}", description.dataset, description.configuration);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_' && c != '-') c = '_';
  return name;
}

/// A file holds one network, so one fold has to be chosen.
Checkpoint network_of_fold(const ExportFlags& flags, ExportOptions& options) {
  V2Model model = read_v2_model(flags.ckpt_path, flags.trained.folds, flags.trained.checkpoint);
  if (model.folds.size() > 1)
    throw Error(flags.ckpt_path.string(), fmt::format("has {} networks, one a fold", model.folds.size()),
                "choose one, with --folds 0, say");
  if (options.triton.model_name.empty()) options.triton.model_name = served_name(model.description);
  return std::move(model.folds.front().checkpoint);
}

Checkpoint network_of(const ExportFlags& flags, ExportOptions& options) {
  if (is_v2_model(flags.ckpt_path)) return network_of_fold(flags, options);
  const CaseSelection& cases = flags.cases;
  std::optional<DataConfig> config;
  if (!cases.data.empty()) config = PreprocessedFolder(cases.data, cases.task, cases.dim).config();
  return load_checkpoint(flags.ckpt_path, {config ? &*config : nullptr, flags.network});
}

void run(const ExportFlags& flags) {
  if (flags.options.format != "onnx") go_where_torch_is("--format " + flags.options.format);
  ExportOptions options = flags.options;
  const Checkpoint checkpoint = network_of(flags, options);
  for (const auto& file : export_model(checkpoint, options, torchscript_here())) fmt::print("{}\n", file.string());
}

}  // namespace

void add_export(CLI::App& program) {
  add_command<ExportFlags>(program, export_command, run);
}

}  // namespace nnunet::app
