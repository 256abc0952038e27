#pragma once
#include <torch/torch.h>

#include <functional>
#include <memory>

#include "line_store.h"
#include "nnunet/infer/logit_sink.h"
#include "window_plan.h"
#include "window_scale.h"

namespace nnunet {

/// Adds up the logits of a volume's windows, in the plan's order, and gives finished lines away.
class LogitAdder {
 public:
  using Deliver = std::function<void(const FinishedLogits&)>;

  virtual ~LogitAdder() = default;
  /// Logits (K,d,h,w) of the plan's next window.
  virtual void add(const WindowJob& job, const torch::Tensor& logits) = 0;
  /// After the last window of a row.
  virtual void finish(const WindowRow& row) = 0;
  /// Delivers what is finished but still on its way. Called while the network is busy with the next windows.
  virtual void settle() {}
  /// Memory for logits of the volume, where they are added.
  virtual std::int64_t bytes() const = 0;
};

/// Our kernel on the CPU: logits of any float type on the CPU; float32 and bf16, planar or interleaved (channels last),
/// are taken as they are.
std::unique_ptr<LogitAdder> make_cpu_adder(const WindowPlan& plan, const torch::Tensor& importance,
                                           std::int64_t classes, LogitAdder::Deliver deliver);
/// torch's operators on any device; finished lines are copied to the host beside the device's work. Throws
/// c10::OutOfMemoryError.
std::unique_ptr<LogitAdder> make_device_adder(const WindowPlan& plan, const torch::Tensor& importance,
                                              std::int64_t classes, torch::Device device, LogitAdder::Deliver deliver);

}  // namespace nnunet
