#pragma once
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
    return memory_.as<U>() + (group * axes_[0]->points + p) * axes_[1]->points * axes_[2]->points * matrix_;
  }
  std::int64_t matrix() const { return matrix_; }  ///< elements of a point
  std::int64_t bytes() const { return memory_.size(); }

 private:
  void gather(const float* w, bool transposed, const ChannelBlock& out, const ChannelBlock& in, std::int64_t lane,
              float* taps) const;

  std::vector<ChannelBlock> in_, out_;
  Axes axes_;
  bool half_;
  std::int64_t columns_, matrix_, inputs_ = 0, outputs_ = 0;
  AlignedBytes memory_;
};

}  // namespace nnunet::kernels
