// nnUNetv2_ensemble, nnUNetv2_determine_postprocessing, nnUNetv2_apply_postprocessing.
#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/v2/ensemble.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/postprocessing.h"
#include "v2/commands.h"
#include "v2/exit_code.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

fs::path described_in(const fs::path& input, const char* name, const std::optional<fs::path>& given, const char* flag) {
  if (given) return *given;
  const fs::path file = input / name;
  if (!fs::exists(file)) throw Error(file.string(), "is not there", fmt::format("give the file by {}", flag));
  return file;
}

/// The labels by dataset.json; plans.json has to be there, too. Both lie in the input folder unless given.
v2::DatasetLabels labels_of(const fs::path& input, const std::optional<fs::path>& plans,
                            const std::optional<fs::path>& dataset) {
  v2::read_python_json(described_in(input, "plans.json", plans, "-plans_json"));
  return v2::read_dataset_labels(described_in(input, "dataset.json", dataset, "-dataset_json"));
}

}  // namespace

int run_v2_ensemble(const V2EnsembleFlags& flags) {
  return exit_code(v2::ensemble_folders(flags.inputs, flags.output, flags.save_npz, v2::case_threads(flags.threads)));
}

int run_v2_determine_postprocessing(const V2DeterminePostprocessingFlags& flags) {
  const auto choice = v2::determine_postprocessing({flags.input.string(), flags.references.string(),
                                                    labels_of(flags.input, flags.plans_json, flags.dataset_json),
                                                    v2::case_threads(flags.threads), !flags.remove_postprocessed});
  log::info(fmt::format("{} steps in {}", choice.steps.size(), (flags.input / "postprocessing.pkl").string()));
  return 0;
}

int run_v2_apply_postprocessing(const V2ApplyPostprocessingFlags& flags) {
  const v2::DatasetLabels labels = labels_of(flags.input, flags.plans_json, flags.dataset_json);
  return exit_code(v2::apply_postprocessing({flags.input, flags.output, labels.file_ending,
                                             v2::read_postprocessing(flags.pickle), v2::case_threads(flags.threads)}));
}

}  // namespace nnunet::app
