#include "nnunet/train/trainer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "diagnose.h"
#include "epoch_log.h"
#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/core/job.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/data/loader.h"
#include "nnunet/data/split.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/network/unet.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/torch_engine/torch_lane.h"
#include "nnunet/train/history.h"
#include "nnunet/train/loss.h"
#include "nnunet/train/placement.h"
#include "nnunet/train/results.h"
#include "nnunet/train/scheduler.h"
#include "nnunet/train/step.h"
#include "results_lock.h"
#include "resume_source.h"
#include "step_watch.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of several processes the first one speaks; the others only of what goes wrong.
JobPlace take_place() {
  const JobPlace place = job_place();
  if (place.rank != 0) log::set_quiet(true);
  return place;
}

/// NCCL does not let two processes share a GPU.
torch::Device own_device(int gpus, const JobPlace& place) {
  const torch::Device device = choose_torch_device(gpus, place);
  const auto present = static_cast<int>(torch::cuda::device_count());
  if (device.is_cuda() && place.local_size > present)
    throw Error("--gpus", fmt::format("{} processes on this machine, {} GPUs", place.local_size, present),
                "start as many processes as there are GPUs, or use --gpus 0 for the CPU");
  return device;
}

/// A launcher (torchrun, Slurm) has started the job again after it broke off: it means to continue it.
bool was_restarted() {
  for (const char* const count : {"TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"})
    if (const char* const value = std::getenv(count); value != nullptr && std::atoi(value) > 0) return true;
  return false;
}

/// Thrown to leave the validation when a signal asks to stop.
struct Stopped {};

/// What is done of the epoch that is running.
struct EpochState {
  std::int64_t step = 0;     ///< steps
  std::int64_t counted = 0;  ///< of these with a finite loss
  double loss_sum = 0;       ///< theirs
  double seconds = 0, data_seconds = 0;
};

Value to_value(const EpochState& e) {
  return Value::Dict{{"step", Value(e.step)},
                     {"counted", Value(e.counted)},
                     {"loss_sum", Value(e.loss_sum)},
                     {"seconds", Value(e.seconds)},
                     {"data_seconds", Value(e.data_seconds)}};
}

class Trainer {
 public:
  explicit Trainer(const TrainOptions& options)
      : o_(with_defaults(options)),
        place_(take_place()),
        device_(own_device(o_.compute.gpus, place_)),
        group_(place_, device_, std::chrono::seconds(o_.dist_timeout)),
        precision_(choose_precision(o_.compute.amp, o_.compute.precision, from_torch(device_))),
        folder_(o_.cases.data, o_.cases.task, o_.cases.dim),
        fold_(split_fold(folder_, o_.cases.nfolds, o_.cases.fold)),
        plan_(make_network_plan(folder_.config().patch_size, folder_.config().spacings, folder_.config().in_channels,
                                folder_.config().n_class, o_.network)),
        network_(prepared_network()),
        step_(network_, o_, precision_, device_, group_),
        scheduler_(o_.scheduler, o_.optimizer.learning_rate),
        loading_(loader_options(o_, folder_.config(), device_, group_)) {}

  TrainResult run() try {
    prepare_results();
    if (group_.leads()) log_.emplace(o_.results / o_.logname, history_);
    describe();
    if (o_.max_epochs == 0) {
      save();
      log::info("0 epochs asked for: the untrained network was saved");
      return result();
    }
    if (epoch_ >= o_.max_epochs) log::info(fmt::format("all {} epochs are done already", o_.max_epochs));
    Loader loader(folder_, fold_.train, loading_);
    while (epoch_ < o_.max_epochs && !stop_early() && run_epoch(loader)) {
    }
    return result();
  } catch (const LostProcess&) {
    throw;
  } catch (const std::exception& e) {
    group_.report_failure(e.what());
    group_.explain_failure();
  }

 private:
  UNet prepared_network() {
    UNet network(plan_);
    network->initialize(o_.seed);
    if (!o_.ckpt_path.empty() && !o_.resume_training) {
      const ForeignDefaults defaults{&folder_.config(), o_.network};
      const Checkpoint initial = load_checkpoint(o_.ckpt_path, defaults);
      load_state_dict(*network, initial.state_dict, o_.ckpt_path.string());
      if (!initial.training.is_none()) initial_ = record_of(initial, o_.ckpt_path.string());
      log::info(fmt::format("initial weights: {}", o_.ckpt_path.string()));
    }
    place_for_training(network, o_, folder_.config().patch_size, precision_, device_, group_);
    return network;
  }

  std::filesystem::path checkpoints() const { return o_.results / "checkpoints"; }
  std::filesystem::path last_path() const { return checkpoints() / "last.ckpt"; }

  // Makes the results folder, and continues an earlier training where that is wanted. The first process decides, before
  // it changes anything; all of them read the file.
  void prepare_results() {
    Resumed resumed;
    if (group_.leads()) {
      require_writable_folder(o_.results);
      lock_.emplace(o_.results);
      record_ = training_record(o_, folder_, fold_, {precision_, step_.native(), group_.size()});
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
    for (std::string* const text : {&resumed.source, &epoch_anew, &best_anew}) group_.broadcast(*text);
    if (resumed.source.empty()) return;
    resume(resumed, !epoch_anew.empty(), !best_anew.empty());
    if (group_.leads() && resumed.source == last_path().string()) finish_best();
  }

  void take_over(const Resumed& resumed) {
    report_differences(resumed);
    if (resumed.checkpoint->training.is_none()) return;
    if (!resumed.check.refused.empty()) keep_earlier_best(o_.results);
    inherit_cases(record_of(*resumed.checkpoint, resumed.source), record_);
  }

  // Initial weights: their training is over, but not what they have seen.
  void begin_with(const TrainingRecord& initial) {
    const auto leaked = leaked_cases(initial, record_);
    if (!leaked.empty()) log::warn(leaked_text(leaked, o_.ckpt_path.string()));
    inherit_cases(initial, record_);
  }

  // A training that was killed between last.ckpt and the best one's name.
  void finish_best() const {
    if (!history_.last_is_best() || state_.step > 0) return;
    const std::int64_t best = history_.epochs().back().epoch;
    if (!std::filesystem::exists(best_checkpoint_path(checkpoints(), best))) keep_best_checkpoint(checkpoints(), best);
  }

  void describe() const {
    const auto parameters = network_->parameters();
    const auto count = std::accumulate(parameters.begin(), parameters.end(), std::int64_t{0},
                                       [](std::int64_t n, const torch::Tensor& p) { return n + p.numel(); });
    std::string filters;
    for (const auto f : plan_.filters) filters += (filters.empty() ? "" : ", ") + std::to_string(f);
    log::info(fmt::format("{}: fold {} of {}, {} training and {} validation cases", folder_.path().string(),
                          o_.cases.fold, o_.cases.nfolds, fold_.train.size(), fold_.val_names.size()));
    const std::string batch = group_.alone() ? std::to_string(o_.batch_size)
                                             : fmt::format("{} in each of {} processes", o_.batch_size, group_.size());
    log::info(fmt::format("{}D U-Net, filters {} ({:.1f} million parameters), patch {}, batch {}, {} on {}, engine {}",
                          plan_.dim, filters, static_cast<double>(count) / 1e6, shape_text(folder_.config().patch_size),
                          batch, precision_name(precision_), device_.str(), step_.native() ? "native" : "libtorch"));
  }

  bool stop_early() {
    if (epoch_ < o_.min_epochs || history_.epochs_without_improvement() < o_.patience) return false;
    log::info(fmt::format("early stop: {} epochs without a better Dice", o_.patience));
    return true;
  }

  // False: a signal asked to stop; what was done is saved.
  bool run_epoch(Loader& loader) {
    const auto start = Clock::now();
    EpochRecord record;
    record.epoch = epoch_;
    record.learning_rate = step_.optimizer().learning_rate();
    try {
      train_epoch(loader, record);
      if (epoch_ >= o_.skip_first_n_eval) evaluate(record);
    } catch (const Stopped&) {
      state_.seconds += seconds_since(start);
      return save_and_stop();
    }
    share_bad_cases();
    record.seconds = state_.seconds + seconds_since(start);
    history_.add(record);
    step_.optimizer().set_learning_rate(scheduler_.step(record.val_loss.value_or(std::nan(""))));
    ++epoch_;
    state_ = {};
    finish_epoch();
    return true;
  }

  // The checkpoint first: what the log lacks after a kill can be told from it.
  void finish_epoch() {
    if (!group_.leads()) return;
    if (o_.save_ckpt) save();
    if (o_.save_ckpt && history_.last_is_best()) keep_best_checkpoint(checkpoints(), history_.epochs().back().epoch);
    log_->add(history_, history_.epochs().size() - 1);
    report(history_.epochs().back());
    name_absent_classes(history_.epochs().back());
    draw_history(o_.results / "progress.png", history_, foreground_names());
  }

  bool save_and_stop() {
    if (group_.leads() && o_.save_ckpt) save();
    group_.barrier();
    interrupted_by_ = interrupt_.signal_name().empty() ? "a signal to another process" : interrupt_.signal_name();
    log::info(fmt::format("stopped by {} in epoch {} after {} steps{}", interrupted_by_, epoch_, state_.step,
                          o_.save_ckpt ? "; --resume_training continues there" : ""));
    return false;
  }

  // A signal to any of the processes stops all.
  bool asked_to_stop() { return group_.largest(interrupt_.requested() ? 1 : 0) > 0; }

  void train_epoch(Loader& loader, EpochRecord& record) {
    const auto start = Clock::now();
    const double data_seconds_before = state_.data_seconds;
    network_->train();
    loader.start_epoch(epoch_, state_.step);
    Progress progress(fmt::format("epoch {}", epoch_), loader.batches_per_epoch(), "steps");
    progress.advance(state_.step);
    StepWatch watch(device_);
    Batch batch;
    while (loader.next(batch)) {
      const auto seen = watch.add(step_(batch), batch);
      ++state_.step;
      if (seen) account(*seen);
      state_.data_seconds = data_seconds_before + loader.wait_seconds();
      progress.advance(1, seen ? fmt::format("loss {:.4f}", seen->loss) : "");
      const bool save_now = o_.save_every_n_steps > 0 && step_.steps() % o_.save_every_n_steps == 0;
      const bool stop_now = asked_to_stop();
      if (save_now || stop_now)
        if (const auto outstanding = watch.last()) account(*outstanding);
      if (stop_now) throw Stopped{};
      if (save_now && o_.save_ckpt && group_.leads()) save();
    }
    if (const auto outstanding = watch.last()) account(*outstanding);
    record.train_loss = state_.loss_sum / static_cast<double>(state_.counted);
    record.data_seconds = state_.data_seconds;
    record.data_wait_percent = 100 * loader.wait_seconds() / seconds_since(start);
  }

  // All processes see the same numbers, and so take the same way.
  void account(const StepWatch::Seen& seen) {
    const bool finite = std::isfinite(seen.loss);
    if (finite) {
      state_.loss_sum += seen.loss;
      ++state_.counted;
    }
    if (finite && !seen.skipped) {
      skipped_in_a_row_ = 0;
      return;
    }
    const std::string where = fmt::format("epoch {}, step {}", epoch_, state_.step);
    const std::string what = finite ? "the gradients are not finite" : "the loss is not finite";
    constexpr std::int64_t most = 100;
    if (precision_ != Precision::fp32 && ++skipped_in_a_row_ < most) {
      if (!finite) log::warn(fmt::format("{}: {}; the step was skipped", where, what));
      return;
    }
    throw Error(where, fmt::format("{}: {}", what, where_not_finite(network_, seen.batch, precision_, device_)),
                "lower --learning_rate or set --gradient_clip_val; checkpoints of earlier steps are kept");
  }

  void share_bad_cases() const {
    if (group_.alone()) return;
    const auto& names = folder_.cases();
    torch::Tensor found = torch::zeros({static_cast<std::int64_t>(names.size())}, torch::kLong);
    auto* const marks = found.mutable_data_ptr<std::int64_t>();
    const auto own = loading_.bad_cases->names();
    for (std::size_t i = 0; i < names.size(); ++i) marks[i] = std::ranges::count(own, names[i]);
    group_.sum(found);
    for (std::size_t i = 0; i < names.size(); ++i)
      if (marks[i] > 0) loading_.bad_cases->add_elsewhere(names[i]);
  }

  // The running statistics that are validated and saved are the first process's, as in torch's data-parallel training.
  void share_buffers() {
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& buffer : network_->buffers()) group_.broadcast(buffer);
  }

  void evaluate(EpochRecord& record) {
    share_buffers();
    network_->eval();
    const torch::NoGradGuard no_grad;
    const auto forward = [this](const torch::Tensor& x) { return step_.forward(x.to(device_)).to(torch::kFloat32); };
    const auto loss = [this](const Array<float>& logits, const LabelView& label) {
      const auto x = torch::from_blob(const_cast<float*>(logits.data()), logits.shape, torch::kFloat32).unsqueeze(0);
      const auto y = torch::from_blob(const_cast<std::uint8_t*>(label.values.data()), label.shape, torch::kUInt8);
      return dice_ce_loss(x, y.unsqueeze(0), o_.focal).item<double>();
    };
    const auto lane = make_torch_lane(forward, device_);
    WindowOptions windows;
    windows.patch_size = folder_.config().patch_size;
    windows.overlap = o_.windows.overlap;
    windows.blend = o_.windows.blend;
    windows.batch_size = o_.windows.val_batch_size;
    windows.tta = o_.windows.tta;
    ValidationOptions options;
    options.limit = o_.test_batches;
    options.rank = static_cast<int>(group_.rank());
    options.processes = static_cast<int>(group_.size());
    options.sum = [this](std::span<double> numbers) {
      auto sums = torch::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, torch::kDouble);
      group_.sum(sums);
    };
    options.bad_cases = loading_.bad_cases.get();
    options.before_case = [this] {
      if (asked_to_stop()) throw Stopped{};
    };
    const ValidationResult v = validate(folder_, fold_.val_names, *lane, loss, windows, options);
    record.val_loss = v.loss;
    record.dice = v.dice;
  }

  void report(const EpochRecord& r) const {
    std::string text = fmt::format("epoch {}: train loss {:.4f}", r.epoch, r.train_loss);
    if (!r.dice.empty()) {
      const auto mean = mean_dice(r.dice);
      text += fmt::format(", val loss {:.4f}, mean Dice {}", *r.val_loss, mean ? fmt::format("{:.2f}", *mean) : "-");
      if (history_.last_is_best()) text += " (best so far)";
    }
    log::info(text + fmt::format(", {} (data {:.2f} s)", format_duration(r.seconds), r.data_seconds));
  }

  // Once, and again when they are others.
  void name_absent_classes(const EpochRecord& r) {
    if (r.dice.empty()) return;
    const std::string note = absent_classes_note(r.dice);
    if (!note.empty() && note != absent_note_) log::info(fmt::format("epoch {}: {}", r.epoch, note));
    absent_note_ = note;
  }

  std::vector<std::string> foreground_names() const {
    const auto& labels = folder_.config().labels;
    std::vector<std::string> names;
    for (int c = 1; c < folder_.config().n_class; ++c) {
      const auto i = static_cast<std::size_t>(c);
      names.push_back(i < labels.size() ? labels[i] : fmt::format("L{}", c));
    }
    return names;
  }

  void save() {
    Checkpoint c;
    c.plan = plan_;
    c.data = folder_.config();
    c.data.cases.clear();
    c.state_dict = state_dict(*network_);
    c.training = Value::Dict{{"epochs_done", Value(epoch_)},
                             {"global_step", Value(step_.steps())},
                             {"epoch_state", to_value(state_)},
                             {"options", options_value(record_)},
                             {"cases", cases_value(record_)},
                             {"optimizer_name", Value(o_.optimizer.name)},
                             {"optimizer", step_.optimizer().state()},
                             {"scheduler", scheduler_.state()},
                             {"scaler", step_.scaler().state()},
                             {"history", history_.state()},
                             {"best_from", Value(history_.best_from())}};
    keep_previous_checkpoint(checkpoints());
    save_checkpoint(last_path(), c);
  }

  // best_anew: what was validated until now is something else.
  void resume(const Resumed& resumed, bool epoch_anew, bool best_anew) {
    const std::string& source = resumed.source;
    const Checkpoint c =
        resumed.checkpoint ? *resumed.checkpoint : load_checkpoint(source, {&folder_.config(), o_.network});
    load_state_dict(*network_, c.state_dict, source);
    if (c.training.is_none()) {  // only what --ckpt_path names gets here
      log::warn(fmt::format("{} holds weights only: optimizer and epoch start anew", source));
      return;
    }
    const auto part = [&](std::string_view key) -> const Value& {
      const Value* v = c.training.find(key);
      if (v == nullptr)
        throw Error(source, fmt::format("the checkpoint lacks '{}' of its training", key), "resume from another one");
      return *v;
    };
    epoch_ = part("epochs_done").as_int(source);
    step_.set_steps(part("global_step").as_int(source));
    if (part("optimizer_name").as_string(source) == o_.optimizer.name)
      step_.optimizer().load_state(part("optimizer"), source);
    else if (group_.leads())
      log::warn("the optimizer is another one: its averages start anew");
    resume_schedule(part("scheduler"), source, best_anew);
    step_.scaler().load_state(part("scaler"), source);
    const Value* const best_from = c.training.find("best_from");
    history_.load_state(part("history"), source, best_from == nullptr ? 0 : best_from->as_int(source));
    if (best_anew) history_.start_best_anew();
    if (!epoch_anew) resume_within_epoch(c.training, source);
    log::info(fmt::format("resuming {} at epoch {}{}", source, epoch_,
                          state_.step > 0 ? fmt::format(", step {}", state_.step) : ""));
  }

  void resume_schedule(const Value& state, const std::string& source, bool best_anew) {
    const Value* const name = state.find("name");
    if (name != nullptr && name->as_string(source) == o_.scheduler.name)
      scheduler_.load_state(state, source);
    else
      scheduler_.start_at(epoch_);
    if (best_anew) scheduler_.forget_losses();
    step_.optimizer().set_learning_rate(scheduler_.learning_rate());
  }

  void resume_within_epoch(const Value& training, const std::string& source) {
    const Value* const state = training.find("epoch_state");
    if (state == nullptr) return;  // from before there was any
    const auto number = [&](const char* key) -> const Value& {
      const Value* const found = state->find(key);
      if (found == nullptr) throw Error(source, fmt::format("the state of its epoch lacks '{}'", key));
      return *found;
    };
    state_.step = number("step").as_int(source);
    state_.counted = number("counted").as_int(source);
    state_.loss_sum = number("loss_sum").as_double(source);
    state_.seconds = number("seconds").as_double(source);
    state_.data_seconds = number("data_seconds").as_double(source);
  }

  TrainResult result() const {
    TrainResult r;
    r.leads = group_.leads();
    r.interrupted_by = interrupted_by_;
    r.epochs = history_.epochs();
    if (const auto best = history_.best()) {
      r.best_epoch = r.epochs[*best].epoch;
      r.best_mean_dice = mean_dice(r.epochs[*best].dice);
      // A training that was continued from elsewhere has its best epoch until now there.
      const auto file = best_checkpoint_path(checkpoints(), *r.best_epoch);
      if (o_.save_ckpt && std::filesystem::exists(file)) r.best_checkpoint = file;
    }
    if (o_.save_ckpt || o_.max_epochs == 0) r.last_checkpoint = last_path();
    return r;
  }

  Interrupt interrupt_;  // first: threads started later leave the signals to it
  TrainOptions o_;
  JobPlace place_;
  torch::Device device_;
  ProcessGroup group_;
  Precision precision_;
  PreprocessedFolder folder_;
  FoldSplit fold_;
  NetworkPlan plan_;
  std::optional<TrainingRecord> initial_;  // of the initial weights
  UNet network_;
  TrainStep step_;
  Scheduler scheduler_;
  LoaderOptions loading_;
  TrainingRecord record_;  // the first process's
  History history_;
  std::optional<ResultsLock> lock_;  // the first process's
  std::optional<EpochLog> log_;      // likewise
  std::int64_t epoch_ = 0;
  EpochState state_;
  std::int64_t skipped_in_a_row_ = 0;
  std::string interrupted_by_;
  std::string absent_note_;
};

}  // namespace

TrainResult train(const TrainOptions& options) {
  return Trainer(options).run();
}

}  // namespace nnunet
