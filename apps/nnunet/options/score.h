#pragma once
#include "command.h"
#include "nnunet/eval/score_folder.h"

namespace nnunet::app {

/// Where scores are written beside the terminal; empty: nowhere.
struct ScoreFiles {
  std::filesystem::path json, csv;
};

struct ScoreFlags {
  ScoreOptions options;
  ScoreFiles files;
};

/// --csv and --json.
std::vector<Option> score_file_options(ScoreFiles& files);

Command score_command(ScoreFlags& flags);

}  // namespace nnunet::app
