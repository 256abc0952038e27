#include "fold_evaluation.h"

#include "nnunet/torch_engine/torch_lane.h"

namespace nnunet {

Evaluation evaluate(const FoldEvaluation& fold, TrainingState& state, TrainStep& step, const Loss& loss) {
  const torch::NoGradGuard no_grad;
  // The running statistics that are validated and saved are the first process's, as in torch's data-parallel training.
  for (torch::Tensor& buffer : state.network->buffers()) fold.group.broadcast(buffer);
  state.network->eval();
  const torch::Device device = state.network->parameters().front().device();
  const auto forward = [&](const torch::Tensor& x) { return step.forward(x.to(device)).to(torch::kFloat32); };
  const auto loss_of = [&](const Array<float>& logits, const LabelView& label) {
    const auto x = torch::from_blob(const_cast<float*>(logits.data()), logits.shape, torch::kFloat32);
    const auto y = torch::from_blob(const_cast<std::uint8_t*>(label.values.data()), label.shape, torch::kUInt8);
    return loss.of_full_resolution(x.unsqueeze(0), y.unsqueeze(0)).item<double>();
  };
  ValidationOptions options = fold.options;
  options.rank = static_cast<int>(fold.group.rank());
  options.processes = static_cast<int>(fold.group.size());
  options.sum = [&](std::span<double> numbers) {
    auto sums = torch::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, torch::kDouble);
    fold.group.sum(sums);
  };
  const auto lane = make_torch_lane(forward, device);
  ValidationResult v = validate(fold.folder, fold.cases, *lane, loss_of, fold.windows, options);
  return {v.loss, std::move(v.dice)};
}

}  // namespace nnunet
