#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/engine.h"
#include "nnunet/infer/logit_sink.h"
#include "nnunet/infer/window_plan.h"

namespace nnunet {

/// The way of a volume's windows through a network and into the sums of their logits: in this machine's memory
/// (CpuLane), or on a GPU (torch_engine/torch_lane.h). One lane serves one volume after another.
class WindowLane {
 public:
  using Deliver = std::function<void(const FinishedLogits&)>;

  virtual ~WindowLane() = default;
  /// For the volumes to come: where sums that wait for later windows go, in a file without a name; empty: in memory.
  virtual void keep_waiting_sums_in(const std::filesystem::path& /*folder*/) {}
  /// A volume begins. importance (d,h,w): weights of a window's voxels; both outlive the volume.
  virtual void begin(const WindowPlan& plan, const Array<float>& importance, Deliver deliver) = 0;
  /// Memory for the next batch of windows, of this shape (N,C,spatial), to be filled before run().
  virtual float* input(const std::vector<std::int64_t>& shape) = 0;
  /// The network on what was filled in; gives the shape of its logits. On a GPU it may return before they are there.
  virtual std::vector<std::int64_t> run() = 0;
  /// Returns when the logits of the last run() are there.
  virtual void wait() {}
  /// Makes the sums, after the first run().
  virtual void make_sums(std::int64_t classes) = 0;
  /// Adds window i of the last batch; jobs come in the plan's order.
  virtual void add(const WindowJob& job, std::int64_t i) = 0;
  /// Holds on to the output of window i of the last batch, and no longer to the one before.
  virtual void keep(std::int64_t i) = 0;
  virtual void forget_kept() = 0;
  /// Adds a window whose output is the kept one.
  virtual void add_kept(const WindowJob& job) = 0;
  /// After the last window of a row.
  virtual void finish(const WindowRow& row) = 0;
  /// Delivers what is finished but still on its way. Called while the network is busy with the next windows.
  virtual void settle() {}
  /// Memory for logits of the volume, where they are added.
  virtual std::int64_t bytes() const = 0;
  /// Whether run() returns before its logits are there, so that only whole passes can be timed.
  virtual bool runs_beside() const { return false; }
};

/// A network as a function on this machine's memory.
using ForwardFunction = std::function<Logits(const WindowBatch&)>;

/// Our kernels on the CPU, through the mean of these networks. Logits in float32 and bf16, planar or interleaved
/// (channels last), are added as they are. Where sums are in float16 each network has its own.
std::unique_ptr<WindowLane> make_cpu_lane(std::vector<ForwardFunction> networks);

/// Mean of the networks' logits: one network's as they come, several networks' in float32, in memory's.
Logits mean_logits(const std::vector<ForwardFunction>& networks, LogitMemory& memory, const WindowBatch& windows);

}  // namespace nnunet
