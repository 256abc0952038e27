// nnunet score: predictions against labels.
#include "score.h"

#include <fmt/format.h>

#include <cstdio>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/names.h"
#include "options/parser.h"

namespace nnunet::app {

void require_writable(const ScoreFiles& files) {
  if (!files.json.empty()) require_file_suffix(files.json, "--json", {".json"});
  if (!files.csv.empty()) require_file_suffix(files.csv, "--csv", {".csv"});
  for (const auto& file : {files.json, files.csv})
    if (!file.empty()) require_writable_file(file);
}

void score_and_report(const ScoreOptions& options, const ScoreFiles& files) {
  require_writable(files);
  const FolderScore score = score_folder(options);
  if (!files.json.empty()) write_text(files.json, score_json(score));
  if (!files.csv.empty()) write_text(files.csv, score_csv(score));
  std::fputs(score_text(score).c_str(), stdout);
  std::fflush(stdout);
  if (!score.failures.empty())
    throw Error("score",
                fmt::format("{} of {} cases could not be scored", score.failures.size(),
                            score.failures.size() + score.cases.size()),
                "the lines \"not scored\" above say why");
}

void add_score(CLI::App& program) {
  add_command<ScoreFlags>(program, score_command,
                          [](const ScoreFlags& flags) { score_and_report(flags.options, flags.files); });
}

}  // namespace nnunet::app
