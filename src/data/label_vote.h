#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace nnunet {

/// Places at which labels vote. One array a corner or axis, so that neighbours in memory are neighbouring places.
template <std::size_t kCorners>
struct Ballots {
  static constexpr std::size_t kRoom = 256;
  alignas(64) std::array<std::array<std::int32_t, kRoom>, kCorners> label;
  alignas(64) std::array<std::array<float, kRoom>, 3> fraction;
  alignas(64) std::array<std::int32_t, kRoom> nearest;
};

/// Decides which label a place between voxels of different labels has (PatchInterpolation::linear). Places are
/// collected, because many at once are vector code. kCorners: the voxels around a place, 8, or 4 in a plane; bits 0, 1,
/// 2 of a corner's number say whether it is the second along W, H, D.
template <std::size_t kCorners>
class LabelVote {
 public:
  /// labels: of the corners; fraction: of the place along D, H, W; nearest: the nearest corner; out: gets the label,
  /// at the latest when decide() is called.
  void add(const std::array<std::int16_t, kCorners>& labels, const std::array<float, 3>& fraction, std::int32_t nearest,
           std::int16_t* out) {
    for (std::size_t corner = 0; corner < kCorners; ++corner) ballots_.label[corner][count_] = labels[corner];
    for (std::size_t axis = 0; axis < 3; ++axis) ballots_.fraction[axis][count_] = fraction[axis];
    ballots_.nearest[count_] = nearest;
    out_[count_] = out;
    if (++count_ == kRoom) decide();
  }
  void decide();

 private:
  static constexpr std::size_t kRoom = Ballots<kCorners>::kRoom;
  Ballots<kCorners> ballots_;
  std::array<std::int16_t*, kRoom> out_{};
  std::size_t count_ = 0;
};

}  // namespace nnunet
