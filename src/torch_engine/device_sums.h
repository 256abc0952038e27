#pragma once
#include <c10/core/Event.h>
#include <torch/torch.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "nnunet/infer/line_store.h"
#include "nnunet/infer/window_lane.h"
#include "nnunet/infer/window_scale.h"

namespace nnunet {

/// Adds up the logits of a volume's windows by torch's operators on any device, in the plan's order, and gives finished
/// lines away; they are copied to the host beside the device's work. Sums live on the device for as many slices as a
/// window has; slice z lies at z modulo that.
class DeviceSums {
 public:
  /// plan and importance must outlive this. Throws c10::OutOfMemoryError.
  DeviceSums(const WindowPlan& plan, const Array<float>& importance, std::int64_t classes, torch::Device device,
             WindowLane::Deliver deliver);

  /// Logits (K,d,h,w) of the plan's next window.
  void add(const WindowJob& job, const torch::Tensor& logits);
  /// After the last window of a row.
  void finish(const WindowRow& row);
  /// Delivers what is finished but still on its way. Called while the network is busy with the next windows.
  void settle();
  std::int64_t bytes() const { return static_cast<std::int64_t>(sum_.nbytes()); }

 private:
  /// Finished lines between device and host: (z,y,K,W) blocks, one below the other.
  struct OnItsWay {
    WindowRow row;
    std::vector<torch::Tensor> blocks;
    std::optional<c10::Event> event;  ///< their copies are done
  };
  /// Slices of a window or of the volume, and where they lie in the sums.
  struct Part {
    std::int64_t from, to, count;
  };

  std::vector<Part> parts(std::int64_t begin, std::int64_t count) const;
  torch::Tensor to_host(const torch::Tensor& block) const;
  void deliver(const OnItsWay& way);
  /// The scale of the windows at that place, on the device; the last two are kept there.
  const torch::Tensor& scale_at(std::size_t place);

  const WindowPlan& plan_;
  torch::Device device_;
  std::int64_t depth_;
  torch::Tensor sum_;  ///< (K, depth, H, W)
  torch::Tensor importance_;
  WindowScale scale_;
  std::array<std::pair<std::shared_ptr<const Array<float>>, torch::Tensor>, 2> scales_;
  WindowLane::Deliver deliver_;
  LineStore store_;
  std::vector<OnItsWay> ways_;
};

}  // namespace nnunet
