#include "fold_evaluation.h"

namespace nnunet {

Evaluation evaluate(const FoldEvaluation& fold, TrainingState& state, TrainStep& step, const Loss& loss) {
  const torch::NoGradGuard no_grad;
  // The running statistics that are validated and saved are the first process's, as in torch's data-parallel training.
  for (torch::Tensor& buffer : state.network->buffers()) fold.options.group->broadcast(buffer);
  state.network->eval();
  const auto forward = [&](const torch::Tensor& x) {
    return step.forward(x.to(fold.windows.device)).to(torch::kFloat32);
  };
  const auto loss_of = [&](const torch::Tensor& logits, const torch::Tensor& label) {
    return loss.of_full_resolution(logits, label);
  };
  ValidationResult v = validate(fold.folder, fold.cases, forward, loss_of, fold.windows, fold.options);
  return {v.loss, std::move(v.dice)};
}

}  // namespace nnunet
