#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "nnunet/infer/precision.h"

namespace nnunet {

enum class Blend { gaussian, constant };
Blend blend_from_name(const std::string& name);  ///< throws Error

struct WindowOptions {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w), or (h,w) for slices
  double overlap = 0.5;                  ///< in [0, 1)
  Blend blend = Blend::gaussian;
  std::int64_t batch_size = 4;  ///< windows a forward
  bool tta = false;             ///< mean of the logits over all flips of the spatial axes (8 in 3D, 4 in 2D)
  /// Where windows are cut and logits added up (the network's GPU, say; without enough memory there the CPU adds).
  torch::Device device = torch::kCPU;
};

/// The network as prediction sees it: (N,C,spatial) float32 on WindowOptions::device -> logits (N,K,spatial) of any
/// float type, on any device.
using ForwardFunction = std::function<torch::Tensor(const torch::Tensor&)>;

/// Logits (K,D,H,W) float32 on the CPU of a volume (C,D,H,W): 3D windows for a patch of three sizes, else windows in
/// the plane over all slices. As MONAI 1.5's sliding_window_inference: volumes smaller than the patch are zero-padded
/// evenly and the result cropped; with tta the whole of it for every flip, averaged. No gradients.
/// Throws Error for options that make no sense and when forward returns another size than the windows'.
torch::Tensor sliding_window(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options);

/// Validation of 2D networks: every slice whole (already centre-cropped to the patch), batch_size at a time.
/// (C,D,H,W) -> (K,D,H,W).
torch::Tensor slice_by_slice(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options);

/// Where windows of `patch` start along an axis of `size` >= patch: every int(patch * (1 - overlap)) voxels (at least
/// 1), the last one flush with the end.
std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap);

/// Window weights of `patch`: product over the axes of exp(-x^2 / (2 (0.125 n)^2)), x from -(n-1)/2 to (n-1)/2,
/// floored at max(its minimum, 1e-3); or ones.
torch::Tensor window_weights(const std::vector<std::int64_t>& patch, Blend blend);

}  // namespace nnunet
