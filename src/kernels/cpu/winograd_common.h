#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nnunet/kernels/winograd.h"
#include "winograd_matrices.h"
#include "winograd_stages.h"

// What the convolution and its gradient by the weights share.
namespace nnunet::kernels {

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
inline std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_div(a, b) * b;
}

/// Bytes between what would else lie a power of two apart, in the same few sets of a cache.
inline constexpr std::int64_t kPad = 64;

/// Throws Error.
[[noreturn]] void refuse_winograd(const char* why);
void check_winograd(const WinogradShape& shape);

/// A block of 16 channels of one or two tensors whose channels follow each other.
struct ChannelBlock {
  int tensor;
  std::int64_t block;         ///< of that tensor
  std::int64_t first, count;  ///< channels, counted over both tensors
};
std::vector<ChannelBlock> channel_blocks(const std::int64_t (&channels)[2]);

using Axes = std::array<const WinogradAxis*, 3>;

/// How tensors are cut into boxes of tiles: samples, d, h, w. A box has several samples only where it has whole ones.
struct Cut {
  std::array<std::int64_t, 4> tiles{}, box{}, boxes{};
  std::int64_t count() const { return boxes[0] * boxes[1] * boxes[2] * boxes[3]; }
};
/// Into boxes of at most `most` tiles; depends on nothing else.
Cut cut_into_boxes(std::int64_t samples, const std::array<std::int64_t, 3>& size, const Axes& axes, std::int64_t most);

/// Box number `index` of a cut.
struct Place {
  std::int64_t sample = 0;              ///< first
  std::array<std::int64_t, 3> start{};  ///< first output: d, h, w
  TileBox box;
};
Place place_of(const Cut& cut, std::int64_t index, const Axes& axes, int tile_multiple);
/// The largest box.
TileBox largest_box(const Cut& cut, const Axes& axes, int tile_multiple);

/// Parts of a workspace, one after the other; counts only, where there is none.
class Room {
 public:
  explicit Room(void* base = nullptr) : base_(static_cast<std::byte*>(base)) {}
  template <class U>
  U* take(std::int64_t count) {
    U* const result = base_ == nullptr ? nullptr : reinterpret_cast<U*>(base_ + used_);
    used_ += round_up(count * static_cast<std::int64_t>(sizeof(U)), kPad);
    return result;
  }
  std::int64_t used() const { return used_; }

 private:
  std::byte* base_;
  std::int64_t used_ = 0;
};

/// Copies what a box of one block of channels reads, prepared as its source says, zeros beyond the tensor's borders:
/// (samples, planes, lines, line, 16). `before`: voxels read before the place's first output, along d, h and w.
struct StagedSize {
  std::int64_t planes, lines, line;
  std::array<std::int64_t, 3> before;
  std::int64_t plane() const { return lines * line * kBlock; }
};
template <class T>
void stage_block(const Source<T>& source, std::int64_t block, const Place& place, const StagedSize& size,
                 const LineStages<T>& stages, float* to);

/// The terms of one point along d.
struct Combination {
  std::int64_t offset[6];
  float factor[6];
  int terms = 0;
};
/// of `values` planes, `plane` elements apart
template <class Values>
Combination combination_of(const Values& values, int count, std::int64_t plane) {
  Combination c;
  for (int i = 0; i < count; ++i) {
    const double value = values(i);
    if (value == 0) continue;
    c.offset[c.terms] = i * plane;
    c.factor[c.terms++] = static_cast<float>(value);
  }
  return c;
}

}  // namespace nnunet::kernels
