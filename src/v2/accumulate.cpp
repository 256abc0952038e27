#include <fmt/format.h>

#include <cstdlib>
#include <map>

#include "copy_atomically.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/cross_validation.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// Where each case's label map lies. Throws Error for a missing fold and for a case in two of them.
std::map<std::string, fs::path> validated_cases(const AccumulateOptions& options, const std::string& ending) {
  std::map<std::string, fs::path> cases;
  for (const std::string& fold : options.folds) {
    const fs::path folder = options.model / ("fold_" + fold) / "validation";
    if (!fs::is_directory(folder))
      throw Error(options.model.string(), fmt::format("fold {} has no folder validation", fold),
                  "train it to its end, or leave it out of -f");
    for (const std::string& name : file_names(folder, ending))
      if (!cases.emplace(name, folder / name).second)
        throw Error(options.model.string(), fmt::format("{} was predicted by more than one fold", name),
                    "folds of one split share no case");
  }
  return cases;
}

}  // namespace

fs::path model_folder(const std::string& dataset, const ModelName& model) {
  return results_folder() / dataset / model.folder();
}

fs::path reference_folder(const std::string& dataset) {
  if (const char* const raw = std::getenv("nnUNet_raw"); raw != nullptr)
    if (const fs::path folder = fs::path(raw) / dataset / "labelsTr"; fs::is_directory(folder)) return folder;
  return preprocessed_folder() / dataset / "gt_segmentations";
}

SummaryDice accumulate_crossval_results(const AccumulateOptions& options) {
  const fs::path dataset_file = options.model / "dataset.json", plans_file = options.model / "plans.json",
                 summary_file = options.output / "summary.json";
  const DatasetLabels labels = read_dataset_labels(dataset_file);
  const Json plans = read_python_json(plans_file);
  if (!plans.contains("dataset_name") || !plans["dataset_name"].is_string())
    throw Error(plans_file.string(), "\"dataset_name\" is missing", "is this a trained model's folder?");
  const auto cases = validated_cases(options, labels.file_ending);
  if (options.overwrite) fs::remove_all(options.output);
  require_writable_folder(options.output);
  copy_atomically(dataset_file, options.output / "dataset.json");
  copy_atomically(plans_file, options.output / "plans.json");
  bool copied = false;
  for (const auto& [name, file] : cases) {
    if (fs::exists(options.output / name)) continue;
    copy_atomically(file, options.output / name);
    copied = true;
  }
  if (!copied && fs::exists(summary_file)) return read_summary_dice(summary_file);
  const FolderEvaluation evaluation =
      evaluate_folder({reference_folder(plans["dataset_name"].get<std::string>()).string(), options.output.string(),
                       labels.file_ending, labels.foreground, labels.ignore, options.threads, true});
  if (evaluation.failed > 0)
    throw Error(options.output.string(), fmt::format("{} cases could not be evaluated", evaluation.failed),
                "the lines above say why");
  write_python_json(summary_file, summary_json(evaluation.summary), Keys::sorted);
  return summary_dice(evaluation.summary);
}

}  // namespace nnunet::v2
