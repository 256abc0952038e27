#include "winograd_statistics.h"

#include <algorithm>

namespace nnunet::kernels {

template <class T>
OutputLines<T>::OutputLines(const Output<T>& y, std::int64_t sample, std::int64_t block, const LineStages<T>& stages,
                            const float* first)
    : stages_(stages), to_(y.y.at(sample, block)) {
  const std::int64_t row = (sample * y.y.blocks() + block) * kBlock;
  line_.bias = y.bias == nullptr ? nullptr : y.bias + block * kBlock;
  line_.add = y.add;
  if (y.through.x != nullptr) {
    const ThroughNorm<T>& t = y.through;
    x_ = t.x + (to_ - y.y.data);
    line_.rstd = t.rstd + row;
    line_.offset = t.offset + row;
    line_.gamma = t.gamma + block * kBlock;
    line_.beta = t.beta + block * kBlock;
    line_.slope = t.slope;
  } else if (y.moments != nullptr) {
    // Subtracted before squaring: variances stay exact where means are large.
    for (int k = 0; k < kBlock; ++k) pivot_[k] = first[k] + (line_.bias == nullptr ? 0 : line_.bias[k]);
    line_.pivot = pivot_;
  }
  line_.sum = sum_;
  line_.square = square_;
}

template <class T>
void OutputLines<T>::flush() {
  if (line_.pivot == nullptr && line_.rstd == nullptr) return;
  for (int k = 0; k < kBlock; ++k) {
    total_[k] += static_cast<double>(sum_[k]);
    squares_[k] += static_cast<double>(square_[k]);
    sum_[k] = square_[k] = 0;
  }
}

template <class T>
void OutputLines<T>::finish(PieceSums* sums) const {
  if (line_.rstd != nullptr)
    for (int k = 0; k < kBlock; ++k) sums[k] = {0, total_[k], squares_[k]};
  else if (line_.pivot != nullptr)
    for (int k = 0; k < kBlock; ++k) {
      const auto count = static_cast<double>(count_);
      const double mean = total_[k] / count;
      sums[k] = {count, static_cast<double>(pivot_[k]) + mean, std::max(0.0, squares_[k] - total_[k] * mean)};
    }
}

template <class T>
void gather_sums(const Output<T>& y, std::int64_t block, std::int64_t channels, const PieceSums* sums,
                 std::int64_t pieces, std::int64_t step) {
  const bool through = y.through.x != nullptr;
  if (!through && y.moments == nullptr) return;
  for (std::int64_t n = 0; n < y.y.n; ++n)
    for (std::int64_t k = 0; k < kBlock; ++k) {
      PieceSums all{0, 0, 0};
      for (std::int64_t i = 0; i < pieces && k < channels; ++i) {
        const PieceSums& s = sums[(i * y.y.n + n) * step + k];
        if (through) {
          all = {0, all.mean + s.mean, all.square + s.square};
        } else {  // Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
                  // variances"
          const double count = all.count + s.count, difference = s.mean - all.mean;
          all = {count, all.mean + difference * s.count / count,
                 all.square + s.square + difference * difference * all.count * s.count / count};
        }
      }
      const std::int64_t at = (n * y.y.blocks() + block) * kBlock + k;
      if (through) {
        y.through.sums[2 * at] = all.mean;
        y.through.sums[2 * at + 1] = all.square;
      } else {
        y.moments[at] = {all.mean, all.count > 0 ? all.square / all.count : 0};
      }
    }
}

template class OutputLines<float>;
template class OutputLines<Bfloat16>;
template void gather_sums(const Output<float>&, std::int64_t, std::int64_t, const PieceSums*, std::int64_t,
                          std::int64_t);
template void gather_sums(const Output<Bfloat16>&, std::int64_t, std::int64_t, const PieceSums*, std::int64_t,
                          std::int64_t);

}  // namespace nnunet::kernels
