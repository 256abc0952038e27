#include "nnunet/train/step.h"

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <tuple>

#include "augment_cuda.h"
#include "batch_tensors.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/engine.h"
#include "nnunet/torch_bridge/autocast.h"
#include "step_graph.h"

namespace nnunet {

namespace {

/// Those of the first heads, and of all that leads to them.
std::vector<torch::Tensor> parameters_of(const UNetImpl& network, std::size_t heads) {
  const std::vector<torch::Tensor> all = network.parameters();
  const auto listed = network_parameters(network.graph(), network.plan().naming);
  if (heads > network.graph().outputs.size())
    throw Error("loss", fmt::format("it looks at {} heads, the network has {}", heads, network.graph().outputs.size()),
                "give as many weights as the network has heads");
  std::vector<torch::Tensor> some;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (listed[i].node < network.graph().outputs[heads - 1]) some.push_back(all[i]);
  return some;
}

}  // namespace

TrainStep::TrainStep(TrainingState& state, Loss loss, const StepOptions& options, torch::Device device,
                     const ProcessGroup& group)
    : state_(state),
      loss_(std::move(loss)),
      options_(options),
      device_(device),
      group_(group),
      native_(options.native ? std::make_unique<NativeForward>(state.network) : nullptr),
      parameters_(parameters_of(*state.network, loss_.heads())),
      average_(group, parameters_) {
  state.network->use_activation_checkpointing(options.activation_checkpointing);
  if (options.sync_batchnorm) state.network->use_sync_batchnorm(group);
  if (options.cuda_graphs && !group.alone())
    throw Error("--cuda_graphs", "they are there for one process only", "leave it out");
  if (options.cuda_graphs) graph_ = std::make_unique<StepGraph>(device);
}

TrainStep::~TrainStep() = default;

StepResult TrainStep::operator()(const Batch& batch) {
  torch::Tensor image, label;
  if (is_plain(batch)) {
    RECORD_USER_SCOPE("augment");
    std::tie(image, label) = augment_on_gpu(batch, device_);
  } else {
    image = image_tensor(batch);
    label = label_tensor(batch);
  }
  if (graph_)
    return graph_->run(image, label, [this](const torch::Tensor& i, const torch::Tensor& l) { return compute(i, l); });
  return compute(image.to(device_, /*non_blocking=*/true), label.to(device_, /*non_blocking=*/true));
}

torch::Tensor TrainStep::forward(const torch::Tensor& images) {
  if (native_) return native_->forward(images, options_.precision == Precision::bf16);
  const AutocastScope autocast(options_.precision, device_);
  return state_.network->forward(images);
}

std::vector<torch::Tensor> TrainStep::forward_heads(const torch::Tensor& images) {
  if (native_) return native_->forward_heads(images, loss_.heads(), options_.precision == Precision::bf16);
  const AutocastScope autocast(options_.precision, device_);
  return state_.network->forward_heads(images, loss_.heads());
}

EvaluatedBatch TrainStep::evaluate(const Batch& batch) {
  const torch::NoGradGuard no_grad;
  const bool training = state_.network->is_training();
  state_.network->eval();
  const torch::Tensor label = label_tensor(batch).to(device_, /*non_blocking=*/true);
  const std::vector<torch::Tensor> heads = forward_heads(image_tensor(batch).to(device_, /*non_blocking=*/true));
  state_.network->train(training);
  return {loss_(heads, label, loss_group()), heads.front(), label};
}

StepResult TrainStep::compute(const torch::Tensor& image, const torch::Tensor& label) {
  average_.before_forward();
  std::vector<torch::Tensor> heads;
  {
    RECORD_USER_SCOPE("forward");
    heads = forward_heads(image);
  }
  torch::Tensor loss;
  {
    RECORD_USER_SCOPE("loss");
    loss = loss_(heads, label, loss_group());
  }
  {
    RECORD_USER_SCOPE("backward");
    state_.optimizer->zero_grad();
    average_.before_backward();
    state_.scaler.scale(loss).backward();
  }
  RECORD_USER_SCOPE("optimizer");
  const torch::Tensor found_inf = state_.scaler.unscale(parameters_);
  if (options_.gradient_clip_val > 0) clip_gradients(parameters_, options_.gradient_clip_val);
  state_.optimizer->step(found_inf);
  state_.scaler.update(found_inf);
  loss = loss.detach();
  if (options_.local_loss && !group_.alone()) {  // gradients are averages, and so is what is shown
    group_.sum(loss);
    loss.div_(group_.size());
  }
  return {loss, found_inf};
}

}  // namespace nnunet
