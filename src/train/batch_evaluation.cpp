#include "batch_evaluation.h"

#include <cmath>
#include <limits>

#include "nnunet/core/progress.h"

namespace nnunet {
namespace {

void sum_over_processes(Confusion& counts, const ProcessGroup& group) {
  if (group.alone()) return;
  for (std::vector<double>* const numbers : {&counts.tp, &counts.fp, &counts.fn}) {
    auto sums = torch::from_blob(numbers->data(), {static_cast<std::int64_t>(numbers->size())}, torch::kDouble);
    group.sum(sums);
  }
}

}  // namespace

PseudoDice pseudo_dice(const Confusion& counts) {
  PseudoDice found;
  float sum = 0;
  int classes = 0;
  for (const double dice : counts.dice()) {
    found.of_class.push_back(static_cast<float>(dice));
    if (std::isnan(dice)) continue;
    sum += found.of_class.back();
    ++classes;
  }
  found.mean = classes == 0 ? std::numeric_limits<float>::quiet_NaN() : sum / static_cast<float>(classes);
  return found;
}

Evaluation evaluate(const BatchEvaluation& how, TrainingState& state, TrainStep& step) {
  const torch::NoGradGuard no_grad;
  // The running statistics that are validated and saved are the first process's, as in torch's data-parallel training.
  for (torch::Tensor& buffer : state.network->buffers()) how.group.broadcast(buffer);
  how.batches.start_epoch(state.epoch);
  Progress progress("validation batches", how.batches.batches_per_epoch(), "batches");
  Confusion counts;
  double loss = 0;
  std::int64_t done = 0;
  Batch batch;
  while (how.batches.next(batch)) {
    if (how.before_batch) how.before_batch();
    const EvaluatedBatch found = step.evaluate(batch);
    loss += found.loss.item<double>();
    counts += count_confusion(found.logits, found.label, how.labels);
    ++done;
    progress.advance();
  }
  sum_over_processes(counts, how.group);
  Evaluation evaluation;
  evaluation.loss = loss / static_cast<double>(done);
  evaluation.pseudo = pseudo_dice(counts);
  return evaluation;
}

}  // namespace nnunet
