#include "training_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose.h"
#include "fold_evaluation.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/train/placement.h"
#include "nnunet/train/results.h"

namespace nnunet {

TrainingRun::TrainingRun(const TrainOptions& options)
    : o_(options),
      job_(o_),
      folder_(o_.cases.data, o_.cases.task, o_.cases.dim),
      fold_(split_fold(folder_, o_.cases.nfolds, o_.cases.fold)),
      plan_(make_network_plan(folder_.config().patch_size, folder_.config().spacings, folder_.config().in_channels,
                              folder_.config().n_class, o_.network)),
      recipe_(reference_recipe(o_, fold_.train, folder_.config(), job_.precision)),
      loss_(recipe_.loss),
      state_(first_state(recipe_, prepared_network(), job_.precision, job_.device)),
      step_(state_, loss_, step_options(recipe_, o_, job_.precision, job_.device, job_.group), job_.device, job_.group),
      loading_(loader_options(recipe_.augmentation, o_, folder_.config(), job_.device, job_.group)),
      report_(o_.results / "progress.png", folder_.config()) {}

TrainResult TrainingRun::run() try {
  prepare_results();
  if (job_.group.leads()) log_.emplace(o_.results / o_.logname, state_.history);
  describe_training(o_, folder_, fold_, job_, state_.network, step_.native());
  if (o_.max_epochs == 0) {
    save();
    log::info("0 epochs asked for: the untrained network was saved");
  } else {
    train();
  }
  return result();
} catch (const LostProcess&) {
  throw;
} catch (const std::exception& e) {
  job_.group.report_failure(e.what());
  job_.group.explain_failure();
}

UNet TrainingRun::prepared_network() {
  UNet network(plan_);
  network->initialize(o_.seed);
  if (!o_.ckpt_path.empty() && !o_.resume_training) {
    const ForeignDefaults defaults{&folder_.config(), o_.network};
    const Checkpoint initial = load_checkpoint(o_.ckpt_path, defaults);
    load_state_dict(*network, initial.state_dict, o_.ckpt_path.string());
    if (!initial.training.is_none()) initial_ = record_of(initial, o_.ckpt_path.string());
    log::info(fmt::format("initial weights: {}", o_.ckpt_path.string()));
  }
  place_for_training(network, o_, folder_.config().patch_size, job_.precision, job_.device, job_.group);
  return network;
}

// Makes the results folder, and continues an earlier training where that is wanted. The first process decides, before
// it changes anything; all of them read the file.
void TrainingRun::prepare_results() {
  Resumed resumed;
  if (job_.group.leads()) {
    require_writable_folder(o_.results);
    lock_.emplace(o_.results);
    record_ = training_record(o_, folder_, fold_, {job_.precision, step_.native(), job_.group.size()});
    if (o_.resume_training || was_restarted())
      resumed = find_resumed(o_, checkpoints(), plan_, folder_.config(), record_);
    remove_torn_files(o_.results);
    if (resumed.source.empty()) keep_earlier_results(o_.results, o_.logname);
    log::set_log_file(o_.results / "train.log");
    if (initial_) begin_with(*initial_);
    if (resumed.checkpoint) take_over(resumed);
  }
  std::string epoch_anew = resumed.check.epoch_anew ? "yes" : "",
              best_anew = resumed.check.refused.empty() ? "" : "yes";
  for (std::string* const text : {&resumed.source, &epoch_anew, &best_anew}) job_.group.broadcast(*text);
  if (resumed.source.empty()) return;
  resume(resumed, {!epoch_anew.empty(), !best_anew.empty()});
  if (job_.group.leads() && resumed.source == last_path().string()) finish_best();
}

void TrainingRun::take_over(const Resumed& resumed) {
  report_differences(resumed);
  if (resumed.checkpoint->training.is_none()) return;
  if (!resumed.check.refused.empty()) keep_earlier_best(o_.results);
  inherit_cases(record_of(*resumed.checkpoint, resumed.source), record_);
}

// Initial weights: their training is over, but not what they have seen.
void TrainingRun::begin_with(const TrainingRecord& initial) {
  const auto leaked = leaked_cases(initial, record_);
  if (!leaked.empty()) log::warn(leaked_text(leaked, o_.ckpt_path.string()));
  inherit_cases(initial, record_);
}

void TrainingRun::resume(const Resumed& resumed, const ResumeRules& rules) {
  const std::string& source = resumed.source;
  const Checkpoint c =
      resumed.checkpoint ? *resumed.checkpoint : load_checkpoint(source, {&folder_.config(), o_.network});
  load_state_dict(*state_.network, c.state_dict, source);
  if (c.training.is_none()) {  // only what --ckpt_path names gets here
    log::warn(fmt::format("{} holds weights only: optimizer and epoch start anew", source));
    return;
  }
  if (!state_.load(c.training, source, rules) && job_.group.leads())
    log::warn("the optimizer is another one: its averages start anew");
  const std::string step = state_.progress.step > 0 ? fmt::format(", step {}", state_.progress.step) : "";
  log::info(fmt::format("resuming {} at epoch {}{}", source, state_.epoch, step));
}

// A training that was killed between last.ckpt and the best one's name.
void TrainingRun::finish_best() const {
  if (!state_.history.last_is_best() || state_.progress.step > 0) return;
  const std::int64_t best = state_.history.epochs().back().epoch;
  if (!std::filesystem::exists(best_checkpoint_path(checkpoints(), best))) keep_best_checkpoint(checkpoints(), best);
}

void TrainingRun::train() {
  if (state_.epoch >= o_.max_epochs) log::info(fmt::format("all {} epochs are done already", o_.max_epochs));
  Loader loader(folder_, recipe_.sampler, loading_);
  const LoopParts parts{loader, [this](const Batch& batch) { return step_(batch); },
                        [this] { return evaluate_fold(); }};
  LoopEvents events;
  events.asked_to_stop = [this] { return asked_to_stop(); };
  events.save = [this] {
    if (o_.save_ckpt && job_.group.leads()) save();
  };
  events.epoch_done = [this] { finish_epoch(); };
  events.where_not_finite = [this](const Batch& batch) {
    return where_not_finite(state_.network, batch, job_.precision, job_.device);
  };
  EpochLoop loop(state_, parts, recipe_.length, events, job_.device);
  if (loop.run() == EpochLoop::End::asked_to_stop) save_and_stop();
}

bool TrainingRun::asked_to_stop() {
  return job_.group.largest(interrupt_.requested() ? 1 : 0) > 0;
}

Evaluation TrainingRun::evaluate_fold() {
  ValidationOptions options;
  options.limit = o_.test_batches;
  options.bad_cases = loading_.bad_cases.get();
  options.before_case = [this] {
    if (asked_to_stop()) throw StopRequested{};
  };
  return evaluate({folder_, fold_.val_names, recipe_.evaluation, job_.group, options}, state_, step_, loss_);
}

// The checkpoint first: what the log lacks after a kill can be told from it.
void TrainingRun::finish_epoch() {
  share_bad_cases();
  if (!job_.group.leads()) return;
  const History& history = state_.history;
  if (o_.save_ckpt) save();
  if (o_.save_ckpt && history.last_is_best()) keep_best_checkpoint(checkpoints(), history.epochs().back().epoch);
  log_->add(history, history.epochs().size() - 1);
  report_.tell(history);
}

void TrainingRun::share_bad_cases() const {
  if (job_.group.alone()) return;
  const auto& names = folder_.cases();
  torch::Tensor found = torch::zeros({static_cast<std::int64_t>(names.size())}, torch::kLong);
  auto* const marks = found.mutable_data_ptr<std::int64_t>();
  const auto own = loading_.bad_cases->names();
  for (std::size_t i = 0; i < names.size(); ++i) marks[i] = std::ranges::count(own, names[i]);
  job_.group.sum(found);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (marks[i] > 0) loading_.bad_cases->add_elsewhere(names[i]);
}

void TrainingRun::save_and_stop() {
  if (job_.group.leads() && o_.save_ckpt) save();
  job_.group.barrier();
  interrupted_by_ = interrupt_.signal_name().empty() ? "a signal to another process" : interrupt_.signal_name();
  log::info(fmt::format("stopped by {} in epoch {} after {} steps{}", interrupted_by_, state_.epoch,
                        state_.progress.step, o_.save_ckpt ? "; --resume_training continues there" : ""));
}

void TrainingRun::save() {
  Checkpoint c;
  c.plan = plan_;
  c.data = folder_.config();
  c.data.cases.clear();
  c.state_dict = state_dict(*state_.network);
  Value::Dict training = state_.values();
  const auto behind_the_steps = training.begin() + 3;  // where every version has them
  training.insert(behind_the_steps, {{"options", options_value(record_)}, {"cases", cases_value(record_)}});
  c.training = std::move(training);
  keep_previous_checkpoint(checkpoints());
  save_checkpoint(last_path(), c);
}

TrainResult TrainingRun::result() const {
  TrainResult r;
  r.leads = job_.group.leads();
  r.interrupted_by = interrupted_by_;
  r.epochs = state_.history.epochs();
  if (const auto best = state_.history.best()) {
    r.best_epoch = r.epochs[*best].epoch;
    r.best_mean_dice = mean_dice(r.epochs[*best].dice);
    // A training that was continued from elsewhere has its best epoch until now there.
    const auto file = best_checkpoint_path(checkpoints(), *r.best_epoch);
    if (o_.save_ckpt && std::filesystem::exists(file)) r.best_checkpoint = file;
  }
  if (o_.save_ckpt || o_.max_epochs == 0) r.last_checkpoint = last_path();
  return r;
}

}  // namespace nnunet
