#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "nnunet/kernels/aligned.h"
#include "winograd_common.h"

namespace nnunet::kernels {

/// Transformed weights, in the order in which the matrix products read them: group of output blocks, point (d, h, w),
/// input channel, output channel of the group; in bfloat16 two input channels lie beside each other.
class WinogradWeights {
 public:
  WinogradWeights(const std::vector<ChannelBlock>& in, const std::vector<ChannelBlock>& out, const Axes& axes,
                  bool half, int out_blocks);

  /// See WinogradConv::set_weights.
  void set(const float* w, bool transposed);

  /// The points of a plane, number `p` along d.
  template <class U>
  const U* plane(std::int64_t group, int p) const {
    return memory_.as<U>() + start(group, p * axes_[1]->points * axes_[2]->points);
  }
  /// Blocks of output channels of a group; the last one may have fewer.
  std::int64_t blocks(std::int64_t group) const {
    return std::min(group_blocks_, static_cast<std::int64_t>(out_.size()) - group * group_blocks_);
  }
  /// Elements of a point of a group.
  std::int64_t matrix(std::int64_t group) const { return matrix_of(blocks(group)); }
  std::int64_t bytes() const { return memory_.size(); }

 private:
  int points() const { return axes_[0]->points * axes_[1]->points * axes_[2]->points; }
  std::int64_t matrix_of(std::int64_t blocks) const {
    return static_cast<std::int64_t>(in_.size()) * kBlock * blocks * kBlock + kPad / (half_ ? 2 : 4);
  }
  std::int64_t start(std::int64_t group, std::int64_t point) const {
    return group * points() * matrix_of(group_blocks_) + point * matrix(group);
  }
  void gather(const float* w, bool transposed, const ChannelBlock& out, const ChannelBlock& in, std::int64_t lane,
              float* taps) const;

  std::vector<ChannelBlock> in_, out_;
  Axes axes_;
  bool half_;
  std::int64_t group_blocks_, inputs_ = 0, outputs_ = 0;
  AlignedBytes memory_;
};

}  // namespace nnunet::kernels
