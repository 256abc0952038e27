#pragma once
#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nnunet/infer/blend.h"
#include "nnunet/infer/logit_sink.h"
#include "nnunet/infer/precision.h"

namespace nnunet {

struct WindowOptions {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w), or (h,w) for slices
  double overlap = 0.5;                  ///< in [0, 1)
  Blend blend = Blend::gaussian;
  std::int64_t batch_size = 4;  ///< windows a forward, at most
  bool tta = false;             ///< mean of the logits over all flips of the spatial axes (8 in 3D, 4 in 2D)
  /// Where windows go and logits are added up (the network's GPU, say; without enough memory there the CPU adds).
  torch::Device device = torch::kCPU;
  bool plain = false;  ///< on the CPU too logits are added up by torch's operators, not by our kernel
};

/// The network as prediction sees it: (N,C,spatial) float32 on WindowOptions::device -> logits (N,K,spatial) of any
/// float type and layout, on any device.
using ForwardFunction = std::function<torch::Tensor(const torch::Tensor&)>;

/// What a pass over a volume took.
struct WindowReport {
  std::int64_t classes = 0;
  std::int64_t windows = 0;
  double network_seconds = 0;                         ///< in the network; on a GPU of the whole pass
  std::chrono::steady_clock::time_point last_window;  ///< when its logits were there
  std::int64_t sum_bytes = 0;                         ///< memory for the sums of logits
};

/// Streams the logits of a volume (C,D,H,W) through the sinks: 3D windows for a patch of three sizes, else windows in
/// the plane over all slices. As MONAI 1.5's sliding_window_inference: volumes smaller than the patch are zero-padded
/// evenly and the result cropped; with tta the whole of it for every flip, averaged. No gradients.
/// Windows run in order of their place along z, then y. Lines that no later window touches are handed on and forgotten:
/// the sums take at most (classes x depth of a window x cross-section) floats, however deep the volume is.
/// Throws Error for options that make no sense and when forward returns another size than the windows'.
WindowReport stream_windows(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks);

/// All of the logits: (K,D,H,W) float32 on the CPU.
torch::Tensor sliding_window(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options);

/// Validation of 2D networks: every slice whole (already centre-cropped to the patch), batch_size at a time.
/// (C,D,H,W) -> (K,D,H,W).
torch::Tensor slice_by_slice(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options);

/// Keeps all logits.
class LogitVolume final : public LogitSink {
 public:
  void begin(std::int64_t classes, const Shape3& shape) override;
  void take(const FinishedLogits& logits) override;
  /// (K,D,H,W) float32
  const torch::Tensor& logits() const { return logits_; }

 private:
  torch::Tensor logits_;
};

/// Where windows of `patch` start along an axis of `size` >= patch: every int(patch * (1 - overlap)) voxels (at least
/// 1), the last one flush with the end.
std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap);

/// Window weights of `patch`: product over the axes of exp(-x^2 / (2 (0.125 n)^2)), x from -(n-1)/2 to (n-1)/2,
/// floored at max(its minimum, 1e-3); or ones.
torch::Tensor window_weights(const std::vector<std::int64_t>& patch, Blend blend);

}  // namespace nnunet
