#pragma once
#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "nnunet/core/error.h"
#include "nnunet/core/job.h"

namespace c10d {
class ProcessGroup;
}

namespace nnunet {

/// Another process of the group has stopped or does not answer.
class LostProcess : public Error {
 public:
  using Error::Error;
};

/// The processes that work on one training together: PyTorch's own engine (c10d), NCCL between GPUs and Gloo between
/// CPUs. A single process forms a group of its own, whose collective calls return at once. Every process makes the same
/// collective calls in the same order. They throw LostProcess, with the reason that the other left, if it could.
class ProcessGroup {
 public:
  /// One process.
  ProcessGroup();
  /// Meets the other processes at place.master_address:place.master_port; the one of rank 0 listens there. timeout: how
  /// long any call waits for another process. Throws Error when they do not meet.
  ProcessGroup(const JobPlace& place, torch::Device device, std::chrono::seconds timeout);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const;
  int size() const;
  bool alone() const { return size() == 1; }
  /// Rank 0: the one that writes files.
  bool leads() const { return rank() == 0; }

  /// Sums over the processes, in place: any floating or integer type, on the device of the group or on the CPU.
  void sum(torch::Tensor& tensor) const;
  /// What rank 0 has replaces what the others have.
  void broadcast(torch::Tensor& tensor) const;
  void broadcast(std::string& text) const;
  /// The largest of all processes' values.
  std::int64_t largest(std::int64_t value) const;
  void barrier() const;

  /// Leaves a reason for the others before this process stops. Never throws, does not wait for them.
  void report_failure(std::string_view reason) const noexcept;
  /// Turns the exception in flight into LostProcess where it comes from one; else rethrows it.
  [[noreturn]] void explain_failure() const;

  /// The engine itself; null for a single process.
  const c10::intrusive_ptr<c10d::ProcessGroup>& engine() const;

 private:
  enum class Reduction { sum, largest };
  void reduce(torch::Tensor& tensor, Reduction reduction) const;

  struct State;
  std::unique_ptr<State> state_;
};

/// The sum over all processes with its gradient: each process gets the sum of all processes' gradients. As the Dice
/// sums of nnU-Net v2 (Isensee et al., "nnU-Net", Nature Methods 2021; AllGatherGrad in its code).
torch::Tensor global_sum(const ProcessGroup& group, const torch::Tensor& tensor);

}  // namespace nnunet
