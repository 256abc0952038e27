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
#include "nnunet/train/loss.h"
#include "nnunet/train/training_state.h"

namespace nnunet {

/// How a step is computed.
struct StepOptions {
  Precision precision = Precision::fp32;
  bool native = false;  ///< by our own kernels, on CPUs
  bool activation_checkpointing = false;
  bool sync_batchnorm = false;   ///< batch norm over the batches of all processes
  bool local_loss = false;       ///< each process's loss over its own batch
  double gradient_clip_val = 0;  ///< global L2 norm; 0: no clipping
  bool cuda_graphs = false;      ///< record the step once and replay it; one process, on a GPU
};

class StepGraph;

/// What a step gave, on the device.
struct StepResult {
  torch::Tensor loss;       ///< 0-dim, float32, detached: of the whole batch of all processes
  torch::Tensor found_inf;  ///< 0-dim, float32: not 0 where a gradient is not finite; then nothing was changed
};

/// What a batch gave without being learned from, on the device.
struct EvaluatedBatch {
  torch::Tensor loss;           ///< 0-dim: over all heads, of the whole batch of all processes
  torch::Tensor logits, label;  ///< (N,K,spatial), (N,spatial): of the full resolution, of this process
};

/// One optimisation step: augmentation where the batch is still of plain crops, forward under autocast, loss, backward,
/// average over the processes, unscaling, clipping, update. It changes the state's network, optimizer and scale.
class TrainStep {
 public:
  /// The network must be on the device already. State and group must outlive the step. Throws Error for options that do
  /// not fit each other, the network or the device.
  TrainStep(TrainingState& state, Loss loss, const StepOptions& options, torch::Device device,
            const ProcessGroup& group);
  ~TrainStep();

  /// The network's logits of the full resolution as the step computes them, with its engine; for validation. images on
  /// the device.
  torch::Tensor forward(const torch::Tensor& images);

  /// Loss and logits of a batch as it is, in evaluation mode and without gradients; nothing changes. The loss is that
  /// of training: over all its heads, of all processes. All processes of the group take part.
  EvaluatedBatch evaluate(const Batch& batch);

  /// Does not wait for the device. All processes of the group take the step together.
  StepResult operator()(const Batch& batch);

  /// Computed by our own kernels, not by libtorch.
  bool native() const { return native_ != nullptr; }

 private:
  std::vector<torch::Tensor> forward_heads(const torch::Tensor& images);
  /// image and label on the device.
  StepResult compute(const torch::Tensor& image, const torch::Tensor& label);
  const ProcessGroup* loss_group() const { return options_.local_loss ? nullptr : &group_; }

  TrainingState& state_;
  Loss loss_;
  StepOptions options_;
  torch::Device device_;
  const ProcessGroup& group_;
  std::unique_ptr<NativeForward> native_;  ///< null: libtorch
  std::vector<torch::Tensor> parameters_;  ///< that get gradients: of the heads that the loss looks at
  GradientAverage average_;
  std::unique_ptr<StepGraph> graph_;  ///< null: without
};

}  // namespace nnunet
