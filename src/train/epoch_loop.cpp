#include "nnunet/train/epoch_loop.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "step_watch.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

EpochLoop::EpochLoop(TrainingState& state, LoopParts parts, LoopOptions options, LoopEvents events,
                     torch::Device device)
    : state_(state), parts_(std::move(parts)), options_(options), events_(std::move(events)), device_(device) {}

EpochLoop::End EpochLoop::run() {
  while (state_.epoch < options_.max_epochs) {
    if (stops_early()) {
      log::info(fmt::format("early stop: {} epochs without a better Dice", options_.patience));
      return End::early_stop;
    }
    if (!run_epoch()) return End::asked_to_stop;
  }
  return End::all_epochs;
}

bool EpochLoop::stops_early() const {
  return state_.epoch >= options_.min_epochs && state_.history.epochs_without_improvement() >= options_.patience;
}

bool EpochLoop::run_epoch() {
  const auto start = Clock::now();
  EpochRecord record;
  record.epoch = state_.epoch;
  record.learning_rate = state_.optimizer->learning_rate();
  if (events_.epoch_begins) events_.epoch_begins();
  try {
    train(record);
    if (state_.epoch >= options_.skip_first_n_eval) {
      Evaluation found = parts_.evaluate();
      record.val_loss = found.loss;
      record.dice = std::move(found.dice);
      record.pseudo = std::move(found.pseudo);
    }
  } catch (const StopRequested&) {
    state_.progress.seconds += seconds_since(start);
    return false;
  }
  record.seconds = state_.progress.seconds + seconds_since(start);
  record.ended = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  state_.history.add(record);
  state_.optimizer->set_learning_rate(state_.scheduler->step(record.val_loss.value_or(std::nan(""))));
  ++state_.epoch;
  state_.progress = {};
  if (events_.epoch_done) events_.epoch_done();
  return true;
}

void EpochLoop::train(EpochRecord& record) {
  const auto start = Clock::now();
  EpochProgress& done = state_.progress;
  const double data_seconds_before = done.data_seconds;
  state_.network->train();
  parts_.batches.start_epoch(state_.epoch, done.step);
  Progress progress(fmt::format("epoch {}", state_.epoch), parts_.batches.batches_per_epoch(), "steps");
  progress.advance(done.step);
  StepWatch watch(device_);
  const auto account_for_last = [&] {
    if (const auto last = watch.last()) account(last->loss, last->skipped, last->batch);
  };
  Batch batch;
  while (parts_.batches.next(batch)) {
    const auto seen = watch.add(parts_.step(batch), batch);
    ++done.step;
    ++state_.steps;
    if (seen) account(seen->loss, seen->skipped, seen->batch);
    done.data_seconds = data_seconds_before + parts_.batches.wait_seconds();
    progress.advance(1, seen ? fmt::format("loss {:.4f}", seen->loss) : "");
    const bool save_now = options_.save_every_n_steps > 0 && state_.steps % options_.save_every_n_steps == 0;
    const bool stop_now = events_.asked_to_stop && events_.asked_to_stop();
    if (save_now || stop_now) account_for_last();
    if (stop_now) throw StopRequested{};
    if (save_now && events_.save) events_.save();
  }
  account_for_last();
  record.train_loss = done.loss_sum / static_cast<double>(done.counted);
  record.data_seconds = done.data_seconds;
  record.data_wait_percent = 100 * parts_.batches.wait_seconds() / seconds_since(start);
}

// All processes see the same numbers, and so take the same way.
void EpochLoop::account(double loss, bool skipped, const Batch& batch) {
  const bool finite = std::isfinite(loss);
  if (finite) {
    state_.progress.loss_sum += loss;
    ++state_.progress.counted;
  }
  if (finite && !skipped) {
    skipped_in_a_row_ = 0;
    return;
  }
  const std::string where = fmt::format("epoch {}, step {}", state_.epoch, state_.progress.step);
  const std::string what = finite ? "the gradients are not finite" : "the loss is not finite";
  if (++skipped_in_a_row_ <= options_.most_skipped) {
    if (!finite) log::warn(fmt::format("{}: {}; the step was skipped", where, what));
    return;
  }
  throw Error(where, what + (events_.where_not_finite ? ": " + events_.where_not_finite(batch) : ""), options_.remedy);
}

}  // namespace nnunet
