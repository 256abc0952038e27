#include "v2_final_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/torch_engine/torch_engine.h"
#include "nnunet/train/epoch_loop.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/fold_validation.h"
#include "nnunet/v2/preprocess.h"
#include "v2_fold_folder.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

Predictor predictor_of(const V2FinalValidation& how, const ComputeOptions& compute, const TrainingJob& job) {
  ModelPlan model = how.setup.model;
  model.window.mirror_axes = how.mirror_axes;
  model.window.mirror = !how.mirror_axes.empty();
  Checkpoint checkpoint{*model.network, summary_of(model), how.weights, {}, model};
  PredictorOptions options;
  options.engine = compute.engine;
  options.others = &other_engines();
  std::vector<Checkpoint> checkpoints;
  checkpoints.push_back(std::move(checkpoint));
  return Predictor(std::move(checkpoints), options, from_torch(job.device), job.precision);
}

/// Next stages whose cases are there; the others are said.
std::vector<v2::NextStage> next_stages(const v2::TrainingSetup& setup, std::deque<CaseStore>& stores) {
  std::vector<v2::NextStage> stages;
  for (const auto& [configuration, folder] : setup.next_stages) try {
      stages.push_back({stores.emplace_back(folder), setup.folders.for_next(configuration)});
    } catch (const Error& e) {
      log::warn(fmt::format("nothing is predicted for {}: {} Preprocess it and run this command with --val",
                            configuration, e.what()));
    }
  return stages;
}

std::vector<std::string> own_part(const std::vector<std::string>& names, const ProcessGroup& group) {
  std::vector<std::string> part;
  for (auto i = static_cast<std::size_t>(group.rank()); i < names.size(); i += static_cast<std::size_t>(group.size()))
    part.push_back(names[i]);
  return part;
}

/// They count, as in nnU-Net, but not without a word.
void warn_of_others(const V2FinalValidation& how) {
  const std::string& ending = how.setup.description.file_ending;
  std::vector<std::string> others;
  for (const std::string& file : v2::file_names(how.setup.folders.validation(), ending))
    if (const std::string name = file.substr(0, file.size() - ending.size()); std::ranges::count(how.names, name) == 0)
      others.push_back(name);
  if (!others.empty())
    log::warn(fmt::format("{} holds label maps of {} cases that this fold does not validate, and they count: {}",
                          how.setup.folders.validation().string(), others.size(), some_names(others)));
}

void evaluate(const V2FinalValidation& how, V2TrainResult& result) {
  const fs::path references = how.setup.folders.dataset / "gt_segmentations";
  warn_of_others(how);
  const v2::FolderEvaluation evaluation =
      v2::evaluate_fold(how.setup.folders.validation(), references, how.setup.labels, v2::case_threads(0));
  result.mean_dice = evaluation.summary.dice();
  result.failed_cases += evaluation.failed;
  if (how.log != nullptr) how.log->validation_ends(*result.mean_dice);
}

}  // namespace

void run_validation(const V2FinalValidation& how, const ComputeOptions& compute, const TrainingJob& job,
                    V2TrainResult& result) {
  std::deque<CaseStore> stores;
  Predictor predictor = predictor_of(how, compute, job);
  const v2::TrainingSetup& setup = how.setup;
  const auto reader = image_reader_from_name(setup.description.reader);
  v2::FoldValidation fold{how.cases, own_part(how.names, job.group), setup.folders.validation(),
                          setup.description.file_ending, reader.value_or(ImageReader::automatic)};
  fold.save_probabilities = how.save_probabilities;
  fold.next_stages = next_stages(setup, stores);
  fold.before_case = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    // Each process has its own number of cases, so that they cannot ask each other.
    if (job.group.alone() && how.asked_to_stop && how.asked_to_stop()) throw StopRequested{};
    if (how.log != nullptr) how.log->predicting(name, shape, job.group.rank());
  };
  try {
    result.failed_cases = static_cast<int>(v2::predict_fold(predictor, fold).failed);
  } catch (const StopRequested&) {
    result.interrupted_by = how.signal_name ? how.signal_name() : "";
    return log::info(fmt::format("stopped by {} in the validation; --c or --val goes on", result.interrupted_by));
  }
  job.group.barrier();
  if (job.group.leads()) evaluate(how, result);
}

std::shared_ptr<const CaseStore> open_v2_cases(const v2::TrainingSetup& setup) {
  auto store = std::make_shared<CaseStore>(setup.folders.cases);
  v2::require_made_by(*store, {setup.model, setup.description});
  if (setup.folders.previous.empty()) return store;
  if (!fs::is_directory(setup.folders.previous))
    throw Error(setup.folders.previous.string(),
                fmt::format("is not there; {} takes what {} predicted for it", setup.names.configuration,
                            *setup.description.previous_stage),
                fmt::format("train that first, all folds: nnUNetv2_train {} {} FOLD -tr {} -p {}", setup.names.dataset,
                            *setup.description.previous_stage, setup.names.trainer, setup.names.plans));
  store->attach_previous(setup.folders.previous);
  return store;
}

V2TrainResult validate_v2(const V2TrainOptions& options) {
  Interrupt interrupt;
  const v2::TrainingSetup setup = v2::training_setup(options.names);
  TrainOptions shared;
  shared.compute = options.compute;
  shared.dist_timeout = options.dist_timeout;
  const TrainingJob job(shared);
  const auto cases = open_v2_cases(setup);
  const v2::Split split = v2::split_of_fold(setup.folders.dataset, setup.names.fold, cases->names());
  const V2FoldFolder folder(setup.folders.fold);
  const fs::path final = folder.required(V2FoldFolder::kFinal);
  const V2Checkpoint c =
      load_v2_checkpoint(options.validate_best ? folder.required(V2FoldFolder::kBest) : final, *setup.model.network);
  const std::vector<std::string> seen = trained_on(c.own, split.val, final.string());
  if (!seen.empty() && setup.names.fold != "all" && job.group.leads())
    log::warn(fmt::format("{} was trained on {} of the fold's {} validation cases: {}. Their Dice says little",
                          final.string(), seen.size(), split.val.size(), some_names(seen)));
  V2TrainResult result;
  result.fold = folder.path();
  result.leads = job.group.leads();
  std::unique_ptr<FolderLock> lock;
  std::optional<v2::TrainingLog> log;
  if (result.leads) {
    lock = lock_of(folder);
    log.emplace(folder.path());
  }
  V2FinalValidation how{setup, *cases, split.val, c.weights, c.mirror_axes};
  how.save_probabilities = options.save_probabilities;
  how.log = log ? &*log : nullptr;
  how.asked_to_stop = [&] { return interrupt.requested(); };
  how.signal_name = [&] { return interrupt.signal_name(); };
  run_validation(how, options.compute, job, result);
  return result;
}

}  // namespace nnunet
