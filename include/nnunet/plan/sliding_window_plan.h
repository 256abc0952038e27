#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace nnunet {

/// Where windows start along an axis: every step, the last one flush with the end (the reference system), or as many as
/// that takes, evenly spread and rounded (nnU-Net v2).
enum class StartRule { flush_last, evenly_spread };

/// How the voxels of a window count where windows overlap: all alike; by a Gaussian around the window's centre, floored
/// at 1e-3 (the reference system); by a unit impulse in its middle voxel after a Gaussian filter cut at 4 sigma, scaled
/// to 10 (nnU-Net v2).
enum class WindowWeights { constant, gaussian, filtered_impulse };

/// What the mean over mirror images is taken of: the logits of the whole volume, or those of each window.
enum class MirroredUnit { volume, window };

/// In which type logits are added up and divided: float32, or float16 (nnU-Net v2, which rounds at every window and
/// keeps the resampled logits in it, too).
enum class SumType { fp32, fp16 };

/// How a network's windows cover a volume (contract, section 6; contract-v2-run, section 6). Volumes that are smaller
/// than the patch are padded with zeros, the smaller half in front. The defaults are the reference system's.
struct SlidingWindowPlan {
  std::vector<std::int64_t> patch = {};  ///< (d,h,w), or (h,w) for slices
  double overlap = 0.5;                  ///< of neighbouring windows, in [0, 1): the step is (1 - overlap) of the patch
  StartRule starts = StartRule::flush_last;
  WindowWeights weights = WindowWeights::gaussian;
  double sigma = 0.125;  ///< of the Gaussian, as a share of the patch
  std::vector<int> mirror_axes =
      {};               ///< axes of the patch along which the network may be given mirror images, ascending
  bool mirror = false;  ///< whether it is, unless asked otherwise
  MirroredUnit mirrored_unit = MirroredUnit::volume;
  SumType sums = SumType::fp32;

  int dim() const { return static_cast<int>(patch.size()); }
  bool operator==(const SlidingWindowPlan&) const = default;
};

/// Throws Error (subject: name) that says which field holds what cannot be.
void check_sliding_window_plan(const SlidingWindowPlan& plan, const std::string& name);

}  // namespace nnunet
