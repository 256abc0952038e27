#include "nnunet/train/step.h"

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "augment_cuda.h"
#include "batch_tensors.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/engine.h"
#include "nnunet/torch_bridge/autocast.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/train/loss.h"
#include "step_graph.h"

namespace nnunet {

LoaderOptions loader_options(const TrainOptions& o, const DataConfig& config, torch::Device device,
                             const ProcessGroup& group) {
  LoaderOptions l;
  l.patch_size = config.patch_size;
  l.batch_size = o.batch_size;
  l.nvol = o.nvol;
  l.data2d_dim = o.data2d_dim;
  l.oversampling = o.oversampling;
  l.num_workers = o.num_workers;
  l.seed = o.seed;
  l.limit_batches = o.train_batches;
  l.rank = group.rank();
  l.processes = group.size();
  l.bad_cases = std::make_shared<BadCases>(o.max_bad_cases);
  l.recipes = augments_on(device);
  if (device.is_cuda())
    l.allocate = [](std::size_t bytes) {
      auto block = torch::empty({static_cast<std::int64_t>(bytes)},
                                torch::TensorOptions().dtype(torch::kUInt8).pinned_memory(true));
      return std::shared_ptr<void>(block.data_ptr(), [block](void*) {});
    };
  return l;
}

bool trains_natively(const TrainOptions& o, Precision precision, torch::Device device, const ProcessGroup& group) {
  if (o.compute.engine != "auto" && o.compute.engine != "native" && o.compute.engine != "libtorch")
    throw Error("--engine", fmt::format("{} cannot train", o.compute.engine), "choose auto, native or libtorch");
  if (o.compute.engine == "libtorch") return false;
  std::string problem;
  if (!runs_natively(precision, from_torch(device))) problem = "it computes in fp32 and bf16 on the CPU";
  if (o.activation_checkpointing) problem = "it has no --activation_checkpointing";
  if (o.sync_batchnorm && !group.alone()) problem = "it has no --sync_batchnorm";
  if (o.compute.engine == "native" && !problem.empty())
    throw Error("--engine native", problem, "use --engine libtorch");
  return problem.empty();
}

TrainOptions with_defaults(TrainOptions o) {
  if (o.logname.empty()) o.logname = "logs.json";
  if (o.batch_size == 0) o.batch_size = o.cases.dim == 3 ? 2 : 64;
  if (o.windows.val_batch_size == 0) o.windows.val_batch_size = o.cases.dim == 3 ? 4 : 64;
  o.scheduler.max_epochs = std::max<std::int64_t>(1, o.max_epochs);
  return o;
}

TrainStep::TrainStep(UNet network, const TrainOptions& options, Precision precision, torch::Device device,
                     const ProcessGroup& group)
    : network_(std::move(network)),
      native_(trains_natively(options, precision, device, group) ? std::make_unique<NativeForward>(network_) : nullptr),
      parameters_(network_->parameters()),
      optimizer_(make_optimizer(options.optimizer, parameters_)),
      scaler_(precision == Precision::fp16, device),
      precision_(precision),
      device_(device),
      focal_(options.focal),
      local_dice_(options.local_dice),
      gradient_clip_val_(options.gradient_clip_val),
      group_(group),
      average_(group, parameters_) {
  network_->use_activation_checkpointing(options.activation_checkpointing);
  if (options.sync_batchnorm) network_->use_sync_batchnorm(group);
  if (options.cuda_graphs && !group.alone())
    throw Error("--cuda_graphs", "they are there for one process only", "leave it out");
  if (options.cuda_graphs) graph_ = std::make_unique<StepGraph>(device);
}

TrainStep::~TrainStep() = default;

StepResult TrainStep::operator()(const Batch& batch) {
  torch::Tensor image = image_tensor(batch), label = label_tensor(batch);
  if (batch.recipes) {
    RECORD_USER_SCOPE("augment");
    std::tie(image, label) = augment_on_gpu(batch, device_);
  }
  ++steps_;
  if (graph_)
    return graph_->run(image, label, [this](const torch::Tensor& i, const torch::Tensor& l) { return compute(i, l); });
  return compute(image.to(device_, /*non_blocking=*/true), label.to(device_, /*non_blocking=*/true));
}

torch::Tensor TrainStep::forward(const torch::Tensor& images) {
  if (native_) return native_->forward(images, precision_ == Precision::bf16);
  const AutocastScope autocast(precision_, device_);
  return network_->forward(images);
}

torch::Tensor TrainStep::loss_of(const torch::Tensor& logits, const torch::Tensor& label) const {
  return dice_ce_loss(logits, label, focal_, local_dice_ ? nullptr : &group_);
}

StepResult TrainStep::compute(const torch::Tensor& image, const torch::Tensor& label) {
  average_.before_forward();
  torch::Tensor logits;
  {
    RECORD_USER_SCOPE("forward");
    logits = forward(image);
  }
  torch::Tensor loss;
  {
    RECORD_USER_SCOPE("loss");
    loss = loss_of(logits, label);
  }
  {
    RECORD_USER_SCOPE("backward");
    optimizer_->zero_grad();
    average_.before_backward();
    scaler_.scale(loss).backward();
  }
  RECORD_USER_SCOPE("optimizer");
  const torch::Tensor found_inf = scaler_.unscale(parameters_);
  if (gradient_clip_val_ > 0) clip_gradients(parameters_, gradient_clip_val_);
  optimizer_->step(found_inf);
  scaler_.update(found_inf);
  loss = loss.detach();
  if (local_dice_ && !group_.alone()) {  // gradients are averages, and so is what is shown
    group_.sum(loss);
    loss.div_(group_.size());
  }
  return {loss, found_inf};
}

}  // namespace nnunet
