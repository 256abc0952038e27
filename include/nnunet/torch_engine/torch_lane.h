#pragma once
#include <torch/torch.h>

#include <functional>
#include <memory>
#include <vector>

#include "nnunet/infer/sliding_window.h"

namespace nnunet {

/// A network as a function on torch tensors: (N,C,spatial) float32 on the lane's device -> logits (N,K,spatial) of any
/// float type and layout, on any device.
using TorchForward = std::function<torch::Tensor(const torch::Tensor&)>;

/// Who adds up logits on the CPU: our kernel, or torch's operators as on GPUs (to test these).
enum class CpuSumming { kernel, torch_operators };

/// Windows go to the device and their logits are added up there; without enough memory for the sums the CPU adds.
std::unique_ptr<WindowLane> make_torch_lane(TorchForward forward, torch::Device device,
                                            CpuSumming summing = CpuSumming::kernel);

/// The logits as other rooms know them: float32 or bf16 in this machine's memory, in the layout that they have.
Logits as_logits(const torch::Tensor& logits);
/// The windows as a tensor over the same memory.
torch::Tensor as_tensor(const WindowBatch& windows);
/// A volume (C,D,H,W): contiguous float32 on the CPU, which must outlive the view.
VolumeView view_of(const torch::Tensor& volume);

/// A pass over a volume (C,D,H,W) by a function on tensors.
WindowReport stream_windows(const torch::Tensor& volume, const TorchForward& forward, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks, CpuSumming summing = CpuSumming::kernel);
/// All of the logits: (K,D,H,W) float32 on the CPU.
torch::Tensor sliding_window(const torch::Tensor& volume, const TorchForward& forward, const WindowOptions& options,
                             CpuSumming summing = CpuSumming::kernel);
/// Validation of 2D networks: every slice whole (already centre-cropped to the patch), batch_size at a time.
/// (C,D,H,W) -> (K,D,H,W).
torch::Tensor slice_by_slice(const torch::Tensor& volume, const TorchForward& forward, const WindowOptions& options);

}  // namespace nnunet
