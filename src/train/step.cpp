#include "nnunet/train/step.h"

#include <ATen/record_function.h>

#include <algorithm>

#include "nnunet/train/loss.h"
#include "step_graph.h"

namespace nnunet {

namespace {

// A tensor over the batch's memory, which it keeps alive.
template <class T>
torch::Tensor to_tensor(const std::shared_ptr<T>& memory, const std::vector<std::int64_t>& shape) {
  const auto type = std::is_same_v<T, float> ? torch::kFloat32 : torch::kUInt8;
  const auto options = torch::TensorOptions().dtype(type).pinned_memory(false);
  return torch::from_blob(
      memory.get(), shape, [memory](void*) {}, options);
}

}  // namespace

LoaderOptions loader_options(const TrainOptions& o, const DataConfig& config, torch::Device device) {
  LoaderOptions l;
  l.patch_size = config.patch_size;
  l.batch_size = o.batch_size;
  l.nvol = o.nvol;
  l.data2d_dim = o.data2d_dim;
  l.oversampling = o.oversampling;
  l.num_workers = o.num_workers;
  l.seed = o.seed;
  l.limit_batches = o.train_batches;
  if (device.is_cuda())
    l.allocate = [](std::size_t bytes) {
      auto block = torch::empty({static_cast<std::int64_t>(bytes)},
                                torch::TensorOptions().dtype(torch::kUInt8).pinned_memory(true));
      return std::shared_ptr<void>(block.data_ptr(), [block](void*) {});
    };
  return l;
}

TrainOptions with_defaults(TrainOptions o) {
  if (o.logname.empty()) o.logname = "logs.json";
  if (o.batch_size == 0) o.batch_size = o.dim == 3 ? 2 : 64;
  if (o.val_batch_size == 0) o.val_batch_size = o.dim == 3 ? 4 : 64;
  o.scheduler.max_epochs = std::max<std::int64_t>(1, o.max_epochs);
  return o;
}

TrainStep::TrainStep(UNet network, const TrainOptions& options, Precision precision, torch::Device device)
    : network_(std::move(network)),
      parameters_(network_->parameters()),
      optimizer_(make_optimizer(options.optimizer, parameters_)),
      scaler_(precision == Precision::fp16, device),
      precision_(precision),
      device_(device),
      focal_(options.focal),
      gradient_clip_val_(options.gradient_clip_val) {
  network_->use_activation_checkpointing(options.activation_checkpointing);
  if (options.cuda_graphs) graph_ = std::make_unique<StepGraph>(device);
}

TrainStep::~TrainStep() = default;

torch::Tensor TrainStep::operator()(const Batch& batch) {
  const torch::Tensor image = to_tensor(batch.image, batch.image_shape);
  const torch::Tensor label = to_tensor(batch.label, batch.label_shape);
  ++steps_;
  if (graph_)
    return graph_->run(image, label, [this](const torch::Tensor& i, const torch::Tensor& l) { return compute(i, l); });
  return compute(image.to(device_, /*non_blocking=*/true), label.to(device_, /*non_blocking=*/true));
}

torch::Tensor TrainStep::compute(const torch::Tensor& image, const torch::Tensor& label) {
  torch::Tensor logits;
  {
    RECORD_USER_SCOPE("forward");
    const AutocastScope autocast(precision_, device_);
    logits = network_->forward(image);
  }
  torch::Tensor loss;
  {
    RECORD_USER_SCOPE("loss");
    loss = dice_ce_loss(logits, label, focal_);
  }
  {
    RECORD_USER_SCOPE("backward");
    optimizer_->zero_grad();
    scaler_.scale(loss).backward();
  }
  RECORD_USER_SCOPE("optimizer");
  const torch::Tensor found_inf = scaler_.unscale(parameters_);
  if (gradient_clip_val_ > 0) clip_gradients(parameters_, gradient_clip_val_);
  optimizer_->step(found_inf);
  scaler_.update(found_inf);
  return loss.detach();
}

}  // namespace nnunet
