#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/core/precision.h"
#include "nnunet/data/loader.h"
#include "nnunet/distributed/gradient_average.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/network/native.h"
#include "nnunet/network/unet.h"
#include "nnunet/train/grad_scaler.h"
#include "nnunet/train/optimizer.h"
#include "nnunet/train/options.h"

namespace nnunet {

/// TrainOptions turned into the loader's. On a GPU batches lie in pinned memory, so that copies run beside the
/// computation, and are plain crops: the step augments them there (builds with NNUNET_CUDA).
LoaderOptions loader_options(const TrainOptions& options, const DataConfig& config, torch::Device device,
                             const ProcessGroup& group = ProcessGroup());

/// Whether this training runs on our own kernels (options.engine). Throws Error for "native" where they do not fit, and
/// for engines that cannot train.
bool trains_natively(const TrainOptions& options, Precision precision, torch::Device device, const ProcessGroup& group);

/// Fills in what was left open: batch sizes, the log's name.
TrainOptions with_defaults(TrainOptions options);

class StepGraph;

/// What a step gave, on the device.
struct StepResult {
  torch::Tensor loss;       ///< 0-dim, float32, detached: of the whole batch of all processes
  torch::Tensor found_inf;  ///< 0-dim, float32: not 0 where a gradient is not finite; then nothing was changed
};

/// One optimisation step: augmentation where the batch is still of plain crops, forward under autocast, loss, backward,
/// average over the processes, unscaling, clipping, update. Owns optimizer and loss scale.
class TrainStep {
 public:
  /// The network must be on the device already. The group must outlive the step.
  TrainStep(UNet network, const TrainOptions& options, Precision precision, torch::Device device,
            const ProcessGroup& group);
  ~TrainStep();

  /// The network's forward as the step computes it, with its engine; also for validation. images on the device.
  torch::Tensor forward(const torch::Tensor& images);

  /// Does not wait for the device. All processes of the group take the step together.
  StepResult operator()(const Batch& batch);

  /// Computed by our own kernels, not by libtorch.
  bool native() const { return native_ != nullptr; }
  Optimizer& optimizer() { return *optimizer_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  GradScaler& scaler() { return scaler_; }
  const GradScaler& scaler() const { return scaler_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  /// image and label on the device.
  StepResult compute(const torch::Tensor& image, const torch::Tensor& label);
  torch::Tensor loss_of(const torch::Tensor& logits, const torch::Tensor& label) const;

  UNet network_;
  std::unique_ptr<NativeForward> native_;  ///< null: libtorch
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  GradScaler scaler_;
  Precision precision_;
  torch::Device device_;
  bool focal_, local_dice_;
  double gradient_clip_val_;
  const ProcessGroup& group_;
  GradientAverage average_;
  std::int64_t steps_ = 0;
  std::unique_ptr<StepGraph> graph_;  ///< null: without
};

}  // namespace nnunet
