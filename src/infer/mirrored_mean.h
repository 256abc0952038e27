#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "nnunet/infer/window_lane.h"

namespace nnunet {

/// A network's mean over the mirror images of each window: their logits, mirrored back, are added in float32 in the
/// order of mirror_images() and divided by their number. Small windows go through the network with their images, up to
/// four at a time.
class MirroredMean {
 public:
  explicit MirroredMean(std::vector<unsigned> images) : images_(std::move(images)) {}

  Logits forward(const ForwardFunction& network, const WindowBatch& windows);

 private:
  std::size_t images_at_a_time(const WindowBatch& windows) const;
  /// to: memory of as many windows.
  static void mirror(const WindowBatch& windows, unsigned image, float* to);
  /// from: logits of a window's image, in this shape.
  void add(const float* from, const std::vector<std::int64_t>& shape, unsigned image, bool last, float* sum) const;

  std::vector<unsigned> images_;
  std::vector<float> mirrored_;
  LogitMemory sums_;
};

}  // namespace nnunet
