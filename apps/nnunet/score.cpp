// nnunet score: predictions against labels.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/names.h"
#include "number_checks.h"
#include "score.h"

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
  CLI::App* command = program.add_subcommand(
      "score",
      "Score predictions against labels: Dice, HD95 (mm), precision, recall and volumes (mL) of each class.\n"
      "HD95 is the larger of the two directed 95th percentiles of the distances between surface voxels.");
  auto options = std::make_shared<ScoreOptions>();
  auto files = std::make_shared<ScoreFiles>();
  command
      ->add_option("--preds", options->preds,
                   "Predictions: .npy (softmax or classes), .nii, .nii.gz; a folder or a file")
      ->required();
  command->add_option("--lbls", options->lbls, "Labels with the same names (case.npy: case.nii.gz); a folder or a file")
      ->required();
  command->add_option("--json", files->json, "Write means and cases to this JSON file");
  command->add_option("--csv", files->csv, "Write one row per case and class to this CSV file");
  command->add_option("--n_jobs", options->n_jobs, "Cases at a time (0: one per core)")
      ->check(not_negative())
      ->capture_default_str();
  command->callback([options, files] { score_and_report(*options, *files); });
}

}  // namespace nnunet::app
