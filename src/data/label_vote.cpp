#include "label_vote.h"

#include <utility>

#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_math.h"

namespace nnunet {
namespace {

constexpr std::size_t kRoom = Ballots<8>::kRoom;
template <class T>
using Row = std::array<T, kRoom>;

// Scores are 1000 times the sum of the weights, added up corner by corner as torch's grid_sample does: near a tie the
// rounding decides.
constexpr Vectorized elect = []<std::size_t kCorners>(const Ballots<kCorners>& b, std::size_t count,
                                                      Row<std::int32_t>& winner) NNUNET_INLINED {
  std::array<Row<float>, kCorners> weight;
  for (std::size_t corner = 0; corner < kCorners; ++corner) {
    for (std::size_t i = 0; i < count; ++i) {
      const float x = (corner & 1) != 0 ? b.fraction[2][i] : 1 - b.fraction[2][i];
      const float y = (corner & 2) != 0 ? b.fraction[1][i] : 1 - b.fraction[1][i];
      const float z = (corner & 4) != 0 ? b.fraction[0][i] : 1 - b.fraction[0][i];
      weight[corner][i] = augmenting::vote_weight(x, y, z);
    }
  }
  Row<std::int32_t> best, own, own_label;
  for (std::size_t i = 0; i < count; ++i) best[i] = own[i] = -1, own_label[i] = winner[i] = 0;
  for (std::size_t corner = 0; corner < kCorners; ++corner) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t label = b.label[corner][i];
      float score = 0;
      for (std::size_t other = 0; other < kCorners; ++other)
        score += b.label[other][i] == label ? weight[other][i] : 0.0F;
      const std::int32_t rank = augmenting::half_rank(score);
      const bool better = (rank > best[i]) | ((rank == best[i]) & (label < winner[i]));
      best[i] = better ? rank : best[i];
      winner[i] = better ? label : winner[i];
      const bool nearest = b.nearest[i] == static_cast<std::int32_t>(corner);
      own[i] = nearest ? rank : own[i];
      own_label[i] = nearest ? label : own_label[i];
    }
  }
  for (std::size_t i = 0; i < count; ++i) winner[i] = own[i] == best[i] ? own_label[i] : winner[i];
};

}  // namespace

template <std::size_t kCorners>
void LabelVote<kCorners>::decide() {
  Row<std::int32_t> winner;
  elect(std::as_const(ballots_), count_, winner);
  for (std::size_t i = 0; i < count_; ++i) *out_[i] = static_cast<std::int16_t>(winner[i]);
  count_ = 0;
}

template class LabelVote<4>;
template class LabelVote<8>;

}  // namespace nnunet
