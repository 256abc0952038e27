#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/data/loader.h"
#include "nnunet/infer/precision.h"
#include "nnunet/network/unet.h"
#include "nnunet/train/grad_scaler.h"
#include "nnunet/train/options.h"

namespace nnunet {

/// TrainOptions turned into the loader's. On a GPU batches lie in pinned memory, so that copies run beside the
/// computation.
LoaderOptions loader_options(const TrainOptions& options, const DataConfig& config, torch::Device device);

/// Fills in what was left open: batch sizes, the log's name.
TrainOptions with_defaults(TrainOptions options);

class StepGraph;

/// One optimisation step: forward under autocast, loss, backward, unscaling, clipping, update. Owns optimizer and loss
/// scale.
class TrainStep {
 public:
  /// The network must be on the device already.
  TrainStep(UNet network, const TrainOptions& options, Precision precision, torch::Device device);
  ~TrainStep();

  /// Returns the loss (0-dim, float32, detached, on the device) without waiting for the device.
  torch::Tensor operator()(const Batch& batch);

  Optimizer& optimizer() { return *optimizer_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  GradScaler& scaler() { return scaler_; }
  const GradScaler& scaler() const { return scaler_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  /// image and label on the device.
  torch::Tensor compute(const torch::Tensor& image, const torch::Tensor& label);

  UNet network_;
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  GradScaler scaler_;
  Precision precision_;
  torch::Device device_;
  bool focal_;
  double gradient_clip_val_;
  std::int64_t steps_ = 0;
  std::unique_ptr<StepGraph> graph_;  ///< null: without
};

}  // namespace nnunet
