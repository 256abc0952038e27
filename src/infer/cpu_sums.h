#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/line_store.h"
#include "nnunet/infer/window_lane.h"
#include "window_kernels.h"

namespace nnunet {

/// The sums of one volume's logits in this machine's memory.
class CpuSums {
 public:
  virtual ~CpuSums() = default;
  /// Window i of the logits of each network.
  virtual void add(const WindowJob& job, std::span<const Logits> networks, std::int64_t i) = 0;
  virtual void finish(const WindowRow& row) = 0;
  virtual std::int64_t bytes() const = 0;
};

/// In float32, of one network (or the mean of several): logits are multiplied with the share of their window at each
/// voxel, so that they only need adding.
std::unique_ptr<CpuSums> make_scaled_sums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes,
                                          WindowLane::Deliver deliver, const std::filesystem::path& scratch);

/// In float16, as nnU-Net v2's: sums of each network and of the weights are rounded at every window and divided in the
/// end; then the networks' logits are added and divided.
std::unique_ptr<CpuSums> make_half_sums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes,
                                        std::size_t networks, WindowLane::Deliver deliver,
                                        const std::filesystem::path& scratch);

/// Work worth a thread, in logits.
inline constexpr std::int64_t kLogitGrain = 32768;

/// The lines that come and go with each row of windows.
std::vector<LineStore::Step> line_steps(const WindowPlan& plan);

/// Logits (K,d,h,w) of one window; d = 1, with no stride, for a slice. Strides in numbers.
struct WindowLogits {
  /// Window i of a batch.
  WindowLogits(const Logits& logits, std::int64_t i);

  const char* values = nullptr;
  bool bf16 = false;
  std::int64_t strides[4] = {};
};

/// Where a line (z,y) of a window, as the network saw it, lies in the volume.
struct LinePlace {
  LinePlace(const WindowPlan& plan, const WindowJob& job, std::int64_t z, std::int64_t y);

  bool inside = false;        ///< else nothing of it does, and the rest means nothing
  std::int64_t z = 0, y = 0;  ///< in the volume
  std::int64_t x = 0;         ///< of its first voxel there
  std::int64_t begin = 0;     ///< that voxel in the window
  std::int64_t count = 0;     ///< voxels in the volume
  bool mirrored = false;      ///< they go down from x, not up
};

/// The part of a window's line that lies at `place`, without weights and sums.
LogitLine logit_line(const WindowLogits& logits, std::int64_t z, std::int64_t y, const LinePlace& place);

/// Makes the row's lines available, the new ones zero.
void open_lines(LineStore& store, const LineRange& touched);

}  // namespace nnunet
