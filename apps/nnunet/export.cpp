// nnunet export: a trained network for other programs.
#include "nnunet/export/export.h"

#include <fmt/format.h>

#include <optional>

#include "commands.h"
#include "nnunet/data/folder.h"
#include "options/export.h"
#include "options/parser.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

void run(const ExportFlags& flags) {
  if (flags.options.format != "onnx") go_where_torch_is("--format " + flags.options.format);
  const CaseSelection& cases = flags.cases;
  std::optional<DataConfig> config;
  if (!cases.data.empty()) config = PreprocessedFolder(cases.data, cases.task, cases.dim).config();
  const Checkpoint checkpoint = load_checkpoint(flags.ckpt_path, {config ? &*config : nullptr, flags.network});
  for (const auto& file : export_model(checkpoint, flags.options, torchscript_here()))
    fmt::print("{}\n", file.string());
}

}  // namespace

void add_export(CLI::App& program) {
  add_command<ExportFlags>(program, export_command, run);
}

}  // namespace nnunet::app
