// nnUNetv2_evaluate_folder, nnUNetv2_evaluate_simple.
#include <algorithm>
#include <array>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/names.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/evaluation.h"
#include "v2/commands.h"
#include "v2/exit_code.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

int evaluate(v2::EvaluationOptions options, const std::optional<fs::path>& output) {
  const fs::path file = output.value_or(fs::path(options.predictions) / "summary.json");
  require_file_suffix(file, "-o", {".json"});
  for (const std::string& folder : {options.references, options.predictions})
    (void)v2::file_names(folder, options.file_ending);  // a wrong name is said before the folder of the output is made
  require_writable_file(file);
  const v2::FolderEvaluation evaluation = v2::evaluate_folder(options);
  v2::write_python_json(file, v2::summary_json(evaluation.summary), v2::Keys::sorted);
  log::info(fmt::format("mean Dice of the foreground: {:.4f} ({} cases), {}", evaluation.summary.dice(),
                        evaluation.summary.cases.size(), file.string()));
  return exit_code(evaluation.failed);
}

/// The ending of the folder's label maps: that of the first file that is one.
std::string file_ending_in(const fs::path& folder) {
  constexpr std::array endings{".nii.gz", ".nii", ".nrrd", ".mha", ".gipl", ".png", ".bmp", ".tiff", ".tif"};
  for (const std::string& name : v2::file_names(folder, ""))
    for (const char* const ending : endings)
      if (name.ends_with(ending)) return ending;
  throw Error(folder.string(), "there is no label map", "check the folder");
}

}  // namespace

int run_v2_evaluate_folder(const V2EvaluateFolderFlags& flags) {
  v2::read_python_json(flags.plans_json);  // nothing in it counts, but a wrong path shall be said
  const v2::DatasetLabels labels = v2::read_dataset_labels(flags.dataset_json);
  return evaluate({flags.references.string(), flags.predictions.string(), labels.file_ending, labels.foreground,
                   labels.ignore, v2::case_threads(flags.threads), flags.chill},
                  flags.output);
}

int run_v2_evaluate_simple(const V2EvaluateSimpleFlags& flags) {
  std::vector<v2::LabelOrRegion> labels;
  for (const int label : flags.labels) {
    const v2::LabelOrRegion one{{label}, false};
    if (std::ranges::find(labels, one) == labels.end()) labels.push_back(one);
  }
  return evaluate({flags.references.string(), flags.predictions.string(), file_ending_in(flags.references), labels,
                   flags.ignore, v2::case_threads(flags.threads), flags.chill},
                  flags.output);
}

}  // namespace nnunet::app
