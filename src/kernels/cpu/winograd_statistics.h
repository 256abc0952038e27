#pragma once
#include <cstdint>

#include "nnunet/kernels/blocked.h"
#include "winograd_stages.h"

// Sums that are gathered while outputs are written: in float32 over a plane of a box, in double over its planes, then
// piece by piece in their order.
namespace nnunet::kernels {

/// Of one piece and channel: number of voxels, mean and sum of squared distances from it; or, for ThroughNorm, sum of
/// the gradient (mean) and of its product with xhat (square).
struct PieceSums {
  double count, mean, square;
};

/// Writes lines of one block of channels.
template <class T>
class OutputLines {
 public:
  /// first: sixteen typical values.
  OutputLines(const Output<T>& y, std::int64_t sample, std::int64_t block, const LineStages<T>& stages,
              const float* first);
  OutputLines(const OutputLines&) = delete;
  OutputLines& operator=(const OutputLines&) = delete;

  /// at: element within the block.
  void write(const float* from, std::int64_t at, std::int64_t voxels) {
    stages_.out(from, x_ == nullptr ? nullptr : x_ + at, to_ + at, voxels, line_);
    count_ += voxels;
  }
  /// float32 sums to double.
  void flush();
  void finish(PieceSums* sums) const;

 private:
  const LineStages<T>& stages_;
  LineOut line_;
  T* to_;
  const T* x_ = nullptr;
  std::int64_t count_ = 0;
  alignas(64) float pivot_[kBlock] = {}, sum_[kBlock] = {}, square_[kBlock] = {};
  double total_[kBlock] = {}, squares_[kBlock] = {};
};

/// Into y's moments or ThroughNorm's sums, for the samples of one block. sums[piece * n + sample] lies `step` apart.
template <class T>
void gather_sums(const Output<T>& y, std::int64_t block, std::int64_t channels, const PieceSums* sums,
                 std::int64_t pieces, std::int64_t step);

}  // namespace nnunet::kernels
