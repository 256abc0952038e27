#pragma once
#include <utility>
#include <vector>

#include "nnunet/infer/window_lane.h"

namespace nnunet {

/// A network's mean over the mirror images of each window: their logits, mirrored back, are added in float32 in the
/// order of mirror_images() and divided by their number.
class MirroredMean {
 public:
  explicit MirroredMean(std::vector<unsigned> images) : images_(std::move(images)) {}

  Logits forward(const ForwardFunction& network, const WindowBatch& windows);

 private:
  void mirror(const WindowBatch& windows, unsigned image);
  void add(const Logits& logits, unsigned image, bool last, float* sum) const;

  std::vector<unsigned> images_;
  std::vector<float> mirrored_;
  LogitMemory sums_;
};

}  // namespace nnunet
