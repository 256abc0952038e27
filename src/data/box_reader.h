#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "nnunet/data/augment.h"

namespace nnunet {

/// Where voxel (d,h,w) of a box lies in memory.
template <class T>
struct BoxView {
  const T* data = nullptr;
  std::int64_t plane = 0, row = 0;  // strides
};

/// For each output index of one axis: the four samples around it and their weights.
struct CubicAxis {
  std::array<std::vector<std::int64_t>, 4> index;
  std::array<std::vector<float>, 4> weight;

  CubicAxis() = default;
  CubicAxis(std::int64_t in, std::int64_t out, bool flip);
};

/// Reads a box of a case, resampled to the size of a patch and flipped (see read_box), plane by plane, so that the
/// operators after it find each plane in the cache. Planes of a channel are cheapest in order.
class BoxReader {
 public:
  /// Keeps references to from and scratch.
  BoxReader(const CaseView& from, const Shape3& start, const Shape3& box, const std::array<bool, 3>& flip,
            const Shape3& patch, AugmentScratch& scratch);

  /// Chooses the channel that plane() reads.
  void select(std::int64_t channel);
  /// Plane `depth` of the patch: (H,W).
  void plane(std::int64_t depth, float* out);
  /// The patch's label (D,H,W).
  void label(std::uint8_t* out);

 private:
  bool zoomed() const { return box_ != patch_; }
  /// Plane `depth` of the box, stretched to the patch's height and width.
  void stretch_plane(std::int64_t depth, float* out);
  const float* stretched(std::int64_t depth);

  const CaseView& from_;
  const Shape3 start_, box_, patch_;
  const std::array<bool, 3> flip_;
  AugmentScratch& scratch_;
  BoxView<float> view_;
  std::array<CubicAxis, 3> axes_;
  std::array<std::int64_t, 4> held_{};  // which plane of the box each of the four kept stretched ones is; -1: none
};

}  // namespace nnunet
