#include "nnunet/train/v2_timing.h"

#include <chrono>
#include <functional>

#include "batch_evaluation.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/window_plan.h"
#include "nnunet/train/confusion.h"
#include "v2_training_run.h"

namespace nnunet {
namespace {

constexpr int kNotCounted = 2, kFewest = 3;
constexpr double kTrainingShare = 0.75;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// The mean over the batches of that many seconds, and at least kFewest of them.
double seconds_a_batch(BatchSource& batches, double seconds, const std::function<void(const Batch&)>& work) {
  batches.start_epoch(0);
  Stopwatch watch;
  double passed = 0;
  Batch batch;
  for (int counted = -kNotCounted; batches.next(batch);) {
    if (counted == 0) watch = {};
    work(batch);
    if (++counted <= 0) continue;
    passed = watch.seconds() / counted;
    if (counted >= kFewest && passed * counted >= seconds) break;
  }
  if (!(passed > 0)) throw Error("timing", "there are too few batches an epoch to measure one", "ask for more of them");
  return passed;
}

/// Windows, with their mirror images, of the fold's validation cases.
double windows_of(const CaseStore& cases, const std::vector<std::string>& names, const SlidingWindowPlan& window) {
  double count = 0;
  for (const std::string& name : names)
    count += static_cast<double>(WindowPlan(cases.open(name)->size(), window).jobs.size());
  return count * static_cast<double>(mirror_images(window).size());
}

}  // namespace

v2::TrainingCost V2TrainingRun::measure(double seconds) {
  prepare_batches();
  const auto unless_stopped = [this] {
    if (asked_to_stop()) throw StopRequested{};
  };
  v2::TrainingCost cost;
  cost.batch.training = seconds_a_batch(*training_, kTrainingShare * seconds, [&](const Batch& batch) {
    unless_stopped();
    static_cast<void>(step_(batch).loss.item<float>());  // waits for a GPU
  });
  cost.batch.validation = seconds_a_batch(*validation_, (1 - kTrainingShare) * seconds, [&](const Batch& batch) {
    unless_stopped();
    const torch::NoGradGuard no_grad;
    const EvaluatedBatch found = step_.evaluate(batch);
    static_cast<void>(count_confusion(found.logits, found.label, *loss_.options().v2));
  });
  cost.batch.epoch = 2 * seconds_a_checkpoint();
  const double a_patch = cost.batch.validation / static_cast<double>(setup_.batch_size);
  cost.final_validation = a_patch * windows_of(*cases_, split_.val, setup_.model.window);
  training_.reset();
  validation_.reset();
  return cost;
}

double V2TrainingRun::seconds_a_checkpoint() const {
  const std::filesystem::path trial = setup_.folders.dataset / "timed_checkpoint.pth";
  const Stopwatch watch;
  save_v2_checkpoint(trial, *setup_.model.network, checkpoint());
  const double seconds = watch.seconds();
  std::filesystem::remove(trial);
  return seconds;
}

v2::TrainingCost time_v2(const V2TrainOptions& options, double seconds) {
  return V2TrainingRun(options).measure(seconds);
}

}  // namespace nnunet
