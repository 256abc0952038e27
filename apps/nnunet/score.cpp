// nnunet score: predictions against labels.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/eval/score_folder.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet::app {
namespace {

struct Flags {
  ScoreOptions options;
  std::filesystem::path json, csv;
};

/// Found out before an hour of scoring, not after it.
void require_writable(const std::filesystem::path& file) {
  if (!file.empty()) require_writable_folder(file.has_parent_path() ? file.parent_path() : ".");
}

void run(const Flags& flags) {
  require_writable(flags.json);
  require_writable(flags.csv);
  const FolderScore score = score_folder(flags.options);
  if (!flags.json.empty()) write_text(flags.json, score_json(score));
  if (!flags.csv.empty()) write_text(flags.csv, score_csv(score));
  std::fputs(score_text(score).c_str(), stdout);
  std::fflush(stdout);
  if (!score.failures.empty())
    throw Error("score",
                fmt::format("{} of {} cases could not be scored", score.failures.size(),
                            score.failures.size() + score.cases.size()),
                "the lines \"not scored\" above say why");
}

}  // namespace

void add_score(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "score",
      "Score predictions against labels: Dice, HD95 (mm), precision, recall and volumes (mL) of each class.\n"
      "HD95 is the larger of the two directed 95th percentiles of the distances between surface voxels.");
  auto flags = std::make_shared<Flags>();
  command
      ->add_option("--preds", flags->options.preds,
                   "Predictions: .npy (softmax or classes), .nii, .nii.gz; a folder or a file")
      ->required();
  command
      ->add_option("--lbls", flags->options.lbls,
                   "Labels with the same names (case.npy: case.nii.gz); a folder or a file")
      ->required();
  command->add_option("--json", flags->json, "Write means and cases to this JSON file");
  command->add_option("--csv", flags->csv, "Write one row per case and class to this CSV file");
  command->add_option("--n_jobs", flags->options.n_jobs, "Cases at a time (0: one per core)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback([flags] { run(*flags); });
}

}  // namespace nnunet::app
