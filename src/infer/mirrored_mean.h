#pragma once
#include <utility>
#include <vector>

#include "nnunet/infer/window_lane.h"

namespace nnunet {

/// A network's mean over the mirror images of each window: their logits, mirrored back, are added in float32 in the
/// order of mirror_images(), the first of which is the window itself, and divided by their number.
class MirroredMean {
 public:
  explicit MirroredMean(std::vector<unsigned> images) : images_(std::move(images)) {}

  Logits forward(const ForwardFunction& network, const WindowBatch& windows);

 private:
  /// How many mirror images of so many windows go through the network at a time: small patches alone do not keep all
  /// cores busy, large ones gain nothing.
  static std::size_t images_together(const std::vector<std::int64_t>& shape);
  static void mirror(const WindowBatch& windows, unsigned image, float* mirrored);
  /// logits: of several images, of which the one at `place` is added to sum, whose shape is `shape`.
  void add(const Logits& logits, std::size_t place, const std::vector<std::int64_t>& shape, std::size_t image,
           float* sum) const;

  std::vector<unsigned> images_;
  std::vector<float> mirrored_;
  LogitMemory sums_;
};

}  // namespace nnunet
