#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/plan/sliding_window_plan.h"

namespace nnunet {

/// One window of the volume, or of one of its mirror images. Windows of slices are a voxel deep.
struct WindowJob {
  std::array<std::size_t, 3> place{};  ///< which window of each axis, in the mirrored volume
  Shape3 start{};                      ///< where it begins in the volume itself; below 0 where that is smaller
  unsigned flip = 0;                   ///< bit a: axis a is mirrored

  bool mirrored(std::size_t axis) const { return ((flip >> axis) & 1U) != 0; }
};

/// Lines (along x) of a volume: z in [z_begin, z_end), y in [y_begin, y_end).
struct LineRange {
  std::int64_t z_begin = 0, z_end = 0, y_begin = 0, y_end = 0;
};

/// Windows that begin at the same z and y, their neighbours in the list of jobs.
struct WindowRow {
  std::size_t end_job = 0;  ///< one past its last job
  LineRange touched;        ///< by its windows
  LineRange finished;       ///< touched by no later row
  LineRange released;       ///< finished, and not next to lines that are not
};

/// The axes of (z,y,x) along which a network is given mirror images, as bits, for each image: 0, the image itself,
/// first, then by the number of axes and by the axes ((z), (y), (x), (z,y), ...). {0} where the plan mirrors nothing.
std::vector<unsigned> mirror_images(const SlidingWindowPlan& plan);

/// The order of a volume's windows: by z, then y, then x of their beginning, so that lines are finished, and can be
/// given away, as early as possible.
struct WindowPlan {
  /// Windows of slices (a patch of two axes) are a voxel deep, one a slice. Mirror images of the whole volume are
  /// covered from their own beginning, and padded evenly to the patch, as MONAI does with a flipped image; mirror
  /// images of each window (MirroredUnit::window) are no jobs of their own.
  WindowPlan(const Shape3& size, const SlidingWindowPlan& rules);

  SlidingWindowPlan rules;
  Shape3 size, patch, padded;                     ///< patch (d,h,w); padded: at least the patch
  unsigned flips;                                 ///< mirror images of the volume
  std::array<std::vector<std::int64_t>, 3> grid;  ///< starts of windows in the padded, mirrored volume
  std::vector<WindowJob> jobs;
  std::vector<WindowRow> rows;

 private:
  void add_jobs(const std::vector<unsigned>& kinds);
  void add_rows();
};

}  // namespace nnunet
