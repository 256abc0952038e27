#pragma once
#include <array>
#include <memory>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/window_plan.h"

namespace nnunet {

/// What logits of a window are multiplied with besides the window's weights, so that they only need adding: at every
/// voxel 1 / (flips * sum of the weights of all windows there). Made for the slices of one window at a time.
class WindowScale {
 public:
  /// importance (d,h,w): a window's weights. Both must outlive this.
  WindowScale(const WindowPlan& plan, const Array<float>& importance) : plan_(plan), importance_(importance) {}

  /// (d, padded H, padded W), for the windows at grid[0][place] of the padded, mirrored volume. The last
  /// two results are kept: with mirrored windows in between, rows still share theirs.
  const std::shared_ptr<const Array<float>>& layer(std::size_t place);

 private:
  /// Where the windows that share slices with that one begin, relative to it.
  std::vector<std::int64_t> neighbours(std::size_t place) const;
  std::shared_ptr<const Array<float>> compute(const std::vector<std::int64_t>& offsets) const;

  struct Layer {
    std::vector<std::int64_t> offsets;
    std::shared_ptr<const Array<float>> scale;
  };
  const WindowPlan& plan_;
  const Array<float>& importance_;
  std::array<Layer, 2> layers_;
  std::size_t latest_ = 0;
};

}  // namespace nnunet
