#pragma once
#include <torch/torch.h>

#include <array>
#include <vector>

#include "window_plan.h"

namespace nnunet {

/// What logits of a window are multiplied with besides the window's weights, so that they only need adding: at every
/// voxel 1 / (flips * sum of the weights of all windows there). Made for the slices of one window at a time.
class WindowScale {
 public:
  /// importance (d,h,w) float32 on the CPU: a window's weights. Both must outlive this.
  WindowScale(const WindowPlan& plan, const torch::Tensor& importance, torch::Device device);

  /// (d, padded H, padded W) on the device, for the windows at grid[0][place] of the padded, mirrored volume. The last
  /// two results are kept: with mirrored windows in between, rows still share theirs.
  const torch::Tensor& layer(std::size_t place);

 private:
  /// Where the windows that share slices with that one begin, relative to it.
  std::vector<std::int64_t> neighbours(std::size_t place) const;
  torch::Tensor compute(const std::vector<std::int64_t>& offsets) const;

  struct Layer {
    std::vector<std::int64_t> offsets;
    torch::Tensor scale;
  };
  const WindowPlan& plan_;
  const torch::Tensor& importance_;
  torch::Device device_;
  std::array<Layer, 2> layers_;
  std::size_t latest_ = 0;
};

}  // namespace nnunet
