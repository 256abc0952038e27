#include "auto_trainings.h"

#include "auto_fitting.h"
#include "nnunet/core/error.h"
#include "nnunet/v2/cross_validation.h"
#include "v2_fold_folder.h"

namespace nnunet {
namespace {

using v2::Json;

std::string trainer(const AutoFolders& folders, const v2::TrainingLength& length) {
  if (length == v2::TrainingLength{}) return "nnUNetTrainer";
  v2::write_python_json(folders.recipe(),
                        {{"based_on", "nnUNetTrainer"},
                         {"epochs", length.epochs},
                         {"iterations", length.iterations},
                         {"validation_iterations", length.validation_batches}},
                        v2::Keys::as_they_are);
  return folders.recipe().string();
}

/// Ensembles need the probabilities of the validation cases.
Json train(const AutoRun& run, const AutoTrainings& trainings, const v2::ModelName& model, const std::string& fold) {
  const std::string& configuration = model.configuration;
  V2TrainOptions options =
      training_options(run, configuration, fold, trainings.trainer, half_precision(run, configuration));
  options.save_probabilities = trainings.models.size() > 1;
  const V2FoldFolder folder(v2::model_folder(run.folders.dataset, model) / ("fold_" + fold));
  options.resume = folder.newest().has_value();
  const V2TrainResult result = train_v2(options);
  if (!result.interrupted_by.empty()) throw AutoInterrupted{result.interrupted_by};
  if (result.failed_cases > 0)
    throw Error(result.fold.string(), "some validation cases failed", "the lines above say why");
  return Json{{"dice", result.mean_dice.value_or(0)}};
}

}  // namespace

AutoTrainings trainings_of(const AutoRun& run, const v2::TrainingSchedule& schedule) {
  AutoTrainings trainings{{}, schedule.folds, trainer(run.folders, schedule.length)};
  const std::string name = v2::trainer_recipe(trainings.trainer).name;
  for (const std::string& each : schedule.configurations) trainings.models.push_back({name, run.plans(), each});
  return trainings;
}

void train_models(AutoRun& run, const AutoTrainings& trainings) {
  for (const v2::ModelName& model : trainings.models)
    for (const std::string& fold : trainings.folds)
      run.record.stage(training_stage(model.configuration, fold), [&] { return train(run, trainings, model, fold); });
}

}  // namespace nnunet
