#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/blend.h"
#include "nnunet/infer/logit_sink.h"
#include "nnunet/infer/window_lane.h"
#include "nnunet/plan/sliding_window_plan.h"

namespace nnunet {

struct WindowOptions {
  SlidingWindowPlan plan;       ///< how windows lie, are weighted, mirrored and added up
  std::int64_t batch_size = 4;  ///< windows a forward, at most
  /// Where sums that wait for later windows go, in a file without a name, instead of memory; empty: they stay in
  /// memory. The digits are the same.
  std::filesystem::path scratch = {};
};

/// The reference system's windows: the last one of an axis flush with the end, the mean over the mirror images (tta) of
/// the whole volume, sums in float32. patch: (d,h,w), or (h,w) for slices.
WindowOptions reference_windows(std::vector<std::int64_t> patch, double overlap = 0.5, Blend blend = Blend::gaussian,
                                std::int64_t batch_size = 4, bool tta = false);

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
  std::int64_t constant_windows = 0;                  ///< of them those that took the output of an equal constant one
  double network_seconds = 0;                         ///< in the network; on a GPU of the whole pass
  std::chrono::steady_clock::time_point last_window;  ///< when its logits were there
  std::int64_t sum_bytes = 0;                         ///< memory for the sums of logits
};

/// Streams the logits of a volume (C,D,H,W) through the sinks: 3D windows for a patch of three sizes, else windows in
/// the plane over all slices, as the plan says (contract, section 6: MONAI 1.5's sliding_window_inference;
/// contract-v2-run, section 6: nnU-Net v2). Volumes smaller than the patch are zero-padded evenly and the result
/// cropped. No gradients.
/// Windows run in order of their place along z, then y. Lines that no later window touches are handed on and forgotten:
/// the sums take at most (classes x depth of a window x cross-section) numbers, however deep the volume is.
/// Windows whose input is one value in each channel (air, padding) have one output for one input: it is computed once.
/// Throws Error for options that make no sense, when the network returns another size than the windows', and when sums
/// in float16 overflow.
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

/// Where windows of `patch` start along an axis of `size` >= patch. flush_last: every int(patch * (1 - overlap)) voxels
/// (at least 1), the last one flush with the end; evenly_spread: as many as that step takes, spread over the axis and
/// rounded to the nearest voxel, halves to the even one.
std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap,
                                        StartRule rule = StartRule::flush_last);

/// Window weights of the plan's patch. gaussian: product over the axes of exp(-x^2 / (2 (sigma n)^2)), x from -(n-1)/2
/// to (n-1)/2, floored at max(its minimum, 1e-3); constant: ones; filtered_impulse: an impulse at n / 2 after a
/// Gaussian filter cut at 4 sigma, scaled to at most 10 and rounded to float16, zeros replaced by the smallest other
/// value.
Array<float> window_weights(const SlidingWindowPlan& plan);

}  // namespace nnunet
