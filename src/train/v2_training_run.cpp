#include "v2_training_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "augment_cuda.h"
#include "batch_evaluation.h"
#include "diagnose.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/train/placement.h"
#include "repeated_batch.h"
#include "v2_benchmark.h"
#include "v2_final_validation.h"
#include "v2_state.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// nnUNet_n_proc_DA, else 12, at most the cores.
int workers(const V2TrainOptions& o) {
  if (o.num_workers > 0) return o.num_workers;
  const char* const text = std::getenv("nnUNet_n_proc_DA");
  const int asked = text == nullptr ? 12 : std::atoi(text);
  if (asked < 0 || (asked == 0 && std::string_view(text) != "0"))
    throw Error("nnUNet_n_proc_DA", "the environment variable is no number", "unset it, or set it to 12");
  return std::min(asked, available_cores());
}

TrainOptions shared_options(const V2TrainOptions& o, const v2::TrainingSetup& setup) {
  TrainOptions shared;
  shared.compute = o.compute;
  shared.batch_size = setup.batch_size;
  shared.seed = o.seed;
  shared.sync_batchnorm = setup.model.network->norm == Norm::batch;
  shared.dist_timeout = o.dist_timeout;
  return shared;
}

/// The first process makes splits_final.json where there is none; the others read it.
v2::Split split_of(const v2::TrainingSetup& setup, const CaseStore& cases, const ProcessGroup& group) {
  if (!group.leads()) group.barrier();
  v2::Split split = v2::split_of_fold(setup.folders.dataset, setup.names.fold, cases.names());
  if (group.leads()) group.barrier();
  return split;
}

PatchLoaderOptions for_process(PatchLoaderOptions options, const V2TrainOptions& o, const TrainingJob& job) {
  options.num_workers = options.validation ? std::max(1, workers(o) / 2) : workers(o);
  options.seed = o.seed;
  options.rank = job.group.rank();
  options.processes = job.group.size();
  options.allocate = batch_memory(job.device);
  options.recipes = augments_on(job.device) && !options.validation && !options.previous_stage;
  return options;
}

std::string epoch_text(const EpochRecord& r, bool best) {
  std::vector<std::string> dice;
  for (const float value : r.pseudo->of_class) dice.push_back(fmt::format("{:.4f}", value));
  return fmt::format(
      "epoch {}: train loss {:.4f}, val loss {:.4f}, pseudo Dice {}, average {:.4f}{}, {} (data {:.2f} s)", r.epoch,
      r.train_loss, r.val_loss.value_or(0), fmt::join(dice, " "), r.pseudo->average, best ? " (best so far)" : "",
      format_duration(r.seconds), r.data_seconds);
}

}  // namespace

V2TrainingRun::V2TrainingRun(const V2TrainOptions& options)
    : o_(options),
      setup_(v2::training_setup(o_.names)),
      shared_(shared_options(o_, setup_)),
      job_(shared_),
      cases_(open_v2_cases(setup_)),
      split_(split_of(setup_, *cases_, job_.group)),
      recipe_(v2_recipe(setup_, job_.precision)),
      loss_(recipe_.loss),
      state_(first_state(recipe_, prepared_network(), job_.precision, job_.device)),
      step_(state_, loss_, step_options(recipe_, shared_, job_.precision, job_.device, job_.group), job_.device,
            job_.group),
      folder_(setup_.folders.fold) {
  if (setup_.recipe.benchmark && !job_.device.is_cuda())
    throw Error("-tr " + setup_.recipe.name, "measures a GPU, and none is used", "train where there is one");
  for (const std::vector<std::string>* const list : {&split_.train, &split_.val}) cases_->require_previous(*list);
  o_.checkpoints = o_.checkpoints && setup_.recipe.checkpoints;
  result_.fold = folder_.path();
  result_.leads = job_.group.leads();
}

V2TrainResult V2TrainingRun::run() try {
  prepare_batches();  // what does not fit is said before an earlier training is moved away
  prepare_folder();
  train();
  if (result_.interrupted_by.empty() && setup_.recipe.final_validation) validate();
  return result_;
} catch (const LostProcess&) {
  throw;
} catch (const std::exception& e) {
  job_.group.report_failure(e.what());
  job_.group.explain_failure();
}

UNet V2TrainingRun::prepared_network() {
  UNet network(*setup_.model.network);
  network->initialize(o_.seed);
  if (!o_.pretrained_weights.empty()) {
    StateDict state = state_dict(*network);
    const StateDict given = load_v2_pretrained_weights(o_.pretrained_weights, *setup_.model.network);
    for (const auto& [name, tensor] : given)
      std::ranges::find(state, name, &StateDict::value_type::first)->second = tensor;
    load_state_dict(*network, state, o_.pretrained_weights.string());
    log::info(fmt::format("initial weights, all but the heads': {}", o_.pretrained_weights.string()));
  }
  place_for_training(network, shared_, setup_.model.window.patch, job_.precision, job_.device, job_.group);
  return network;
}

void V2TrainingRun::prepare_batches() {
  training_ = batches_of(split_.train, v2_training_batches(setup_));
  validation_ = batches_of(split_.val, v2_validation_batches(setup_));
}

// The first process decides, before it changes anything, what is gone on from; all of them read the file.
void V2TrainingRun::prepare_folder() {
  std::string source;
  if (job_.group.leads()) {
    folder_.prepare();
    lock_ = lock_of(folder_);
    const bool goes_on = o_.resume || was_restarted();
    if (const auto newest = goes_on ? folder_.newest() : std::nullopt) source = newest->string();
    if (goes_on && source.empty())
      log::warn(fmt::format("{}: no checkpoint to continue; a new training begins", folder_.path().string()));
  }
  job_.group.broadcast(source);
  if (!source.empty()) resume(source);
  if (!job_.group.leads()) return;
  if (source.empty()) folder_.keep_earlier();
  begin_logs();
}

void V2TrainingRun::resume(const fs::path& source) {
  const V2Checkpoint c = load_v2_checkpoint(source, *setup_.model.network);
  const V2TrainingNote note{o_.seed, setup_.recipe.iterations, setup_.batch_size, split_};
  const std::vector<std::string> differences = compare_note(c.own, note, source.string());
  load_v2_state(c, state_, source.string());
  for (const std::string& difference : differences)
    log::warn(fmt::format("{}: {}; losses will differ from a training that went on", source.string(), difference));
  if (!differences.empty()) state_.progress = {};
  const std::string step = state_.progress.step > 0 ? fmt::format(", step {}", state_.progress.step) : "";
  log::info(fmt::format("resuming {} at epoch {}{}", source.string(), state_.epoch, step));
}

void V2TrainingRun::begin_logs() {
  v2::copy_descriptions(setup_);
  log_.emplace(folder_.path());
  const RotationRule rule = rotation_rule(setup_.model.window.patch, setup_.recipe.may_be_dummy_2d);
  log_->line(fmt::format("do_dummy_2d_data_aug: {}", rule.dummy_2d ? "True" : "False"));
  if (const fs::path splits = setup_.folders.dataset / v2::kSplitsFile; setup_.names.fold != "all") {
    log_->line(fmt::format("Using splits from existing split file: {}", splits.string()));
    log_->line(fmt::format("The split file contains {} splits.", v2::read_splits(splits).size()));
    log_->line(fmt::format("Desired fold for training: {}", setup_.names.fold));
  }
  log_->line(
      fmt::format("This split has {} training and {} validation cases.", split_.train.size(), split_.val.size()));
  log_->plans(setup_.plans, setup_.names.configuration, setup_.configuration);
  const v2::TrainingFacts facts{.device = job_.device.is_cuda() ? "cuda" : "cpu",
                                .engine = step_.native() ? "native" : "libtorch",
                                .precision = precision_name(job_.precision),
                                .torch_version = TORCH_VERSION,
                                .log_file = log_->path().string(),
                                .seed = std::to_string(o_.seed),
                                .processes = job_.group.size(),
                                .checkpoints = o_.checkpoints};
  v2::write_python_json(folder_.file("debug.json"), v2::debug_information(setup_, facts), v2::Keys::sorted);
  log::info(fmt::format("{} {}, fold {}, {}: {} training and {} validation cases", setup_.names.dataset,
                        setup_.names.configuration, setup_.names.fold, setup_.recipe.name, split_.train.size(),
                        split_.val.size()));
  log::info(fmt::format("patch {}, batch {}, {} on {}, engine {}{}", shape_text(setup_.model.window.patch),
                        setup_.batch_size, precision_name(job_.precision), job_.device.str(),
                        step_.native() ? "native" : "libtorch",
                        job_.group.alone() ? "" : fmt::format(", {} processes", job_.group.size())));
}

void V2TrainingRun::train() {
  if (state_.epoch >= setup_.recipe.epochs) {
    log::info(fmt::format("all {} epochs are done", setup_.recipe.epochs));
    if (!folder_.has(V2FoldFolder::kFinal)) finish_training();  // it was killed before that was written
    return;
  }
  const LoopParts parts{*training_, [this](const Batch& batch) { return step_(batch); },
                        [this] { return evaluate_batches(); }};
  LoopEvents events;
  events.epoch_begins = [this] {
    if (log_) log_->epoch_begins(state_.epoch, state_.optimizer->learning_rate());
  };
  events.asked_to_stop = [this] { return asked_to_stop(); };
  events.epoch_done = [this] { finish_epoch(); };
  events.where_not_finite = [this](const Batch& batch) {
    return where_not_finite(state_.network, batch, job_.precision, job_.device);
  };
  EpochLoop loop(state_, parts, recipe_.length, events, job_.device);
  if (loop.run() == EpochLoop::End::asked_to_stop)
    save_and_stop();
  else
    finish_training();
  training_.reset();
  validation_.reset();
}

std::unique_ptr<BatchSource> V2TrainingRun::batches_of(const std::vector<std::string>& cases,
                                                       const PatchLoaderOptions& options) const {
  const PatchLoaderOptions own = for_process(options, o_, job_);
  if (!setup_.recipe.data_loading) return repeat_random_batch(own);
  return load_patches(training_cases(cases_), cases, own);
}

bool V2TrainingRun::asked_to_stop() {
  return job_.group.largest(interrupt_.requested() ? 1 : 0) > 0;
}

Evaluation V2TrainingRun::evaluate_batches() {
  const BatchEvaluation how{*validation_, *loss_.options().v2, job_.group, [this] {
                              if (asked_to_stop()) throw StopRequested{};
                            }};
  return evaluate(how, state_, step_);
}

V2Checkpoint V2TrainingRun::checkpoint() const {
  V2Checkpoint c = v2_checkpoint_of(state_, setup_.recipe);
  c.plans = setup_.plans;
  c.dataset = setup_.dataset;
  c.configuration = setup_.names.configuration;
  c.fold = setup_.names.fold;
  c.device = job_.device.is_cuda() ? "cuda" : "cpu";
  c.trainer = setup_.recipe.known_name;
  c.mirror_axes = setup_.model.window.mirror_axes;
  Value::Dict own = note_value({o_.seed, setup_.recipe.iterations, setup_.batch_size, split_});
  auto& progress = std::get<Value::Dict>(c.own.data);
  own.insert(own.end(), std::make_move_iterator(progress.begin()), std::make_move_iterator(progress.end()));
  c.own = std::move(own);
  return c;
}

void V2TrainingRun::save(const std::string& name) {
  if (o_.checkpoints && job_.group.leads()) save_v2_checkpoint(folder_.file(name), *setup_.model.network, checkpoint());
}

// The latest checkpoint is written after every epoch, not after every 50th alone, so that a training that is killed
// loses an epoch at most. It is no second name of the best one: nnU-Net writes into the files that it finds.
void V2TrainingRun::finish_epoch() {
  if (!job_.group.leads()) return;
  const bool best = state_.history.last_is_best();
  const V2Logging record = v2_logging(state_.history);
  log_->epoch_ends(record, best);
  if (best) save(V2FoldFolder::kBest);
  if (state_.epoch < setup_.recipe.epochs) save(V2FoldFolder::kLatest);
  v2::draw_progress(folder_.file("progress.png"), record);
  log::info(epoch_text(state_.history.epochs().back(), best));
}

void V2TrainingRun::finish_training() {
  if (!job_.group.leads()) return;
  save(V2FoldFolder::kFinal);
  if (o_.checkpoints) folder_.remove_latest();
  if (setup_.recipe.benchmark) write_benchmark_result(folder_.file("benchmark_result.json"), state_.history, job_);
  log_->line("Training done.");
}

void V2TrainingRun::save_and_stop() {
  save(V2FoldFolder::kLatest);
  job_.group.barrier();
  result_.interrupted_by = interrupt_.signal_name().empty() ? "a signal to another process" : interrupt_.signal_name();
  log::info(fmt::format("stopped by {} in epoch {} after {} steps{}", result_.interrupted_by, state_.epoch,
                        state_.progress.step, o_.checkpoints ? "; --c goes on there" : ""));
}

void V2TrainingRun::validate() {
  StateDict weights = state_dict(*state_.network);
  if (o_.validate_best)
    weights = load_v2_checkpoint(folder_.required(V2FoldFolder::kBest), *setup_.model.network).weights;
  V2FinalValidation how{setup_, *cases_, split_.val, std::move(weights), setup_.model.window.mirror_axes};
  how.save_probabilities = o_.save_probabilities;
  how.log = log_ ? &*log_ : nullptr;
  how.asked_to_stop = [this] { return asked_to_stop(); };
  how.signal_name = [this] { return interrupt_.signal_name(); };
  run_validation(how, shared_.compute, job_, result_);
}

V2TrainResult train_v2(const V2TrainOptions& options) {
  if (options.resume && (options.only_validate || !options.pretrained_weights.empty()))
    throw Error("--c",
                options.only_validate ? "cannot be given with --val" : "cannot be given with -pretrained_weights",
                "leave one of them out");
  if (options.validate_best && !options.checkpoints)
    throw Error("--val_best", "needs checkpoints, which --disable_checkpointing turns off", "leave one of them out");
  if (options.only_validate) return validate_v2(options);
  return V2TrainingRun(options).run();
}

}  // namespace nnunet
