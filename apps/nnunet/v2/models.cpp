// nnUNetv2_find_best_configuration, nnUNetv2_accumulate_crossval_results, nnUNetv2_export_model_to_zip.
#include <cstdio>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/names.h"
#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/model_zip.h"
#include "v2/commands.h"
#include "v2/exit_code.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

}  // namespace

int run_v2_find_best_configuration(const V2FindBestConfigurationFlags& flags) {
  v2::FindBestOptions options{
      v2::dataset_name(flags.dataset), {}, flags.folds, !flags.disable_ensembling, !flags.no_overwrite,
      v2::case_threads(flags.threads)};
  for (const std::string& trainer : flags.trainers)
    for (const std::string& configuration : flags.configurations)
      for (const std::string& plans : flags.plans) options.models.push_back({trainer, plans, configuration});
  std::fputs(fmt::format("\n{}", v2::find_best_configuration(options)).c_str(), stdout);
  return 0;
}

int run_v2_accumulate(const V2AccumulateFlags& flags) {
  const std::string dataset = v2::dataset_name(flags.dataset);
  const fs::path model = v2::model_folder(dataset, {flags.trainer, flags.plans, flags.configuration});
  const auto folds = v2::fold_names(flags.folds);
  if (flags.output && fs::is_directory(*flags.output) && !fs::is_empty(*flags.output))
    throw Error(flags.output->string(), "the folder is not empty", "give an empty one, or a new name");
  const fs::path output = flags.output.value_or(model / ("crossval_results_folds_" + v2::folds_text(folds)));
  const v2::SummaryDice summary = v2::accumulate_crossval_results({model, output, folds, v2::case_threads(0), true});
  log::info(fmt::format("mean Dice of the foreground: {:.4f}, {}", summary.foreground_mean,
                        (output / "summary.json").string()));
  return 0;
}

int run_v2_export(const V2ExportFlags& flags) {
  v2::export_model_to_zip({v2::dataset_name(flags.dataset), flags.output, flags.configurations, flags.trainer,
                           flags.plans, flags.folds, flags.checkpoints, flags.cv_predictions, available_cores()});
  return 0;
}

}  // namespace nnunet::app
