#pragma once
#include "command.h"
#include "nnunet/export/options.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/plan/plan.h"

namespace nnunet::app {

struct ExportFlags {
  std::filesystem::path ckpt_path;
  ExportOptions options;
  TrainedModel trained;  ///< one fold and the checkpoint of nnU-Net v2's models
  // Of a checkpoint that does not describe itself.
  CaseSelection cases{.data = {}};
  NetworkOptions network;
};

Command export_command(ExportFlags& flags);

}  // namespace nnunet::app
