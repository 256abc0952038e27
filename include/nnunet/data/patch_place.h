#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/random.h"

namespace nnunet {

/// Random numbers of a sample are drawn from one stream a purpose, so that none shifts another's. Noise is the last:
/// the passes of an augmentation after the first count on from it.
enum class Stream : std::uint32_t { Order, Crop, Coins, Noise };

/// Names one sample of the training: the same numbers whoever makes it.
struct SampleKey {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0, sample = 0;

  CounterRng rng(Stream stream) const { return {seed, epoch, sample, static_cast<std::uint32_t>(stream)}; }
};

/// Finds the n-th foreground voxel (label > 0) of a label map without keeping a list of them: counts up to each plane
/// are kept, the rest is found by a look at one plane. Keeps a view of the labels, which must outlive it.
class ForegroundIndex {
 public:
  ForegroundIndex(std::span<const std::uint8_t> label, const Shape3& size);
  std::int64_t count() const { return up_to_.back(); }
  /// Position of the rank-th foreground voxel in row-major order, 0 <= rank < count().
  Shape3 voxel(std::int64_t rank) const;

 private:
  std::span<const std::uint8_t> label_;
  Shape3 size_;
  std::vector<std::int64_t> up_to_;  // foreground voxels before plane d
};

/// Any foreground voxel with that probability (any voxel where there is none), else any voxel; each equally likely.
Shape3 draw_centre(const ForegroundIndex& foreground, const Shape3& size, double oversampling, CounterRng& rng);

/// Start of the patch around a centre, moved into the volume. Along axes where the volume is smaller than the patch it
/// is negative: the volume lies in the middle (floor half of the zeros before it).
Shape3 crop_start(const Shape3& centre, const Shape3& patch, const Shape3& size);
/// Start of the patch in the volume's middle.
Shape3 centre_start(const Shape3& patch, const Shape3& size);

}  // namespace nnunet
