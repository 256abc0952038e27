#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/blend.h"
#include "nnunet/infer/logit_sink.h"
#include "nnunet/infer/window_lane.h"

namespace nnunet {

struct WindowOptions {
  std::vector<std::int64_t> patch_size;  ///< (d,h,w), or (h,w) for slices
  double overlap = 0.5;                  ///< in [0, 1)
  Blend blend = Blend::gaussian;
  std::int64_t batch_size = 4;  ///< windows a forward, at most
  bool tta = false;             ///< mean of the logits over all flips of the spatial axes (8 in 3D, 4 in 2D)
};

/// A preprocessed volume (C,D,H,W), float32, contiguous, in somebody else's memory.
struct VolumeView {
  const float* values = nullptr;
  std::vector<std::int64_t> shape;

  VolumeView(const float* data, std::vector<std::int64_t> sizes) : values(data), shape(std::move(sizes)) {}
  VolumeView(const Array<float>& array) : values(array.data()), shape(array.shape) {}
};

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
/// Throws Error for options that make no sense and when the network returns another size than the windows'.
WindowReport stream_windows(const VolumeView& volume, WindowLane& lane, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks);

/// Keeps all logits.
class LogitVolume final : public LogitSink {
 public:
  void begin(std::int64_t classes, const Shape3& shape) override;
  void take(const FinishedLogits& logits) override;
  /// (K,D,H,W) float32
  const Array<float>& logits() const { return logits_; }

 private:
  Array<float> logits_;
};

/// Where windows of `patch` start along an axis of `size` >= patch: every int(patch * (1 - overlap)) voxels (at least
/// 1), the last one flush with the end.
std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap);

/// Window weights of `patch`: product over the axes of exp(-x^2 / (2 (0.125 n)^2)), x from -(n-1)/2 to (n-1)/2,
/// floored at max(its minimum, 1e-3); or ones.
Array<float> window_weights(const std::vector<std::int64_t>& patch, Blend blend);

}  // namespace nnunet
