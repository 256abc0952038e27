#include <algorithm>
#include <bit>
#include <set>
#include <type_traits>
#include <vector>

#include "label_slice.h"
#include "linear_planes.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"
#include "spline.h"
#include "torch_axis.h"

// Label maps by any rule: each label's mask is resampled, and the scores decide. Linear scores are taken from a voxel's
// eight corners; cubic ones need a pass a label.
namespace nnunet {

namespace {

using namespace grid;
using Label = std::int16_t;
using LabelRows = Rows<Label>;
using Labels = std::span<const Label>;

struct Score {
  Label label;
  double value;
};

// The label of a voxel whose labels have these scores; nearest: its nearest neighbour's.
Label elect(std::span<const Score> scores, LabelVote vote, std::optional<Label> nearest) {
  if (vote == LabelVote::largest) {
    double most = scores[0].value;
    for (const Score& s : scores) most = std::max(most, s.value);
    std::optional<Label> smallest;
    for (const Score& s : scores) {
      if (s.value != most) continue;
      if (s.label == nearest) return s.label;
      if (!smallest || s.label < *smallest) smallest = s.label;
    }
    return *smallest;
  }
  std::optional<Label> last;
  for (const Score& s : scores) {
    const bool enough = vote == LabelVote::majority ? s.value > 0.5 : s.value >= 0.5;
    if (enough && (!last || s.label > *last)) last = s.label;
  }
  return last.value_or(0);
}

// Corners in the order of the array, first axis slowest.
template <class Axis>
std::array<Label, 8> corners_of(const LabelRows& row, const Axis& ax, std::size_t x) {
  std::array<Label, 8> corner;
  for (std::size_t r = 0; r < 4; ++r) {
    corner[2 * r] = row[r][ax.low[x]];
    corner[2 * r + 1] = row[r][ax.high[x]];
  }
  return corner;
}

// Scores of the labels at the corners; score(label) is asked once for each of them.
template <class ScoreOf>
Label elect_corner(const std::array<Label, 8>& corner, LabelVote vote, std::optional<Label> nearest,
                   const ScoreOf& score) {
  std::array<Score, 8> scores;
  std::size_t count = 0;
  for (const Label label : corner) {
    const auto known = scores.begin() + static_cast<std::ptrdiff_t>(count);
    if (std::any_of(scores.begin(), known, [&](const Score& s) { return s.label == label; })) continue;
    scores[count++] = {label, score(label)};
  }
  return elect(std::span(scores).first(count), vote, nearest);
}

/// The weights of the lower and the upper neighbour.
template <class Real>
using Pair = std::array<Real, 2>;

// scipy's sum: over the corners in their order, of weights multiplied from the first axis on, in double.
double linear_score(const std::array<Label, 8>& corner, Label label, const Pair<double>& wz, const Pair<double>& wy,
                    const Pair<double>& wx) {
  double sum = 0;
  for (std::size_t k = 0; k < 8; ++k)
    if (corner[k] == label) sum += wz[k / 4] * wy[k / 2 % 2] * wx[k % 2];
  return sum;
}

// A float that float16 can hold: 11 significant bits, halves to even.
float to_half(float value) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  bits += 0xfffU + (bits >> 13 & 1U);
  return std::bit_cast<float>(bits & ~0x1fffU);
}

// a * wa + b * wb, rounded as with the fused multiply-add that torch is built with.
float fused_mix(float a, float wa, float b, float wb) {
  return static_cast<float>(static_cast<double>(b) * static_cast<double>(wb) + static_cast<double>(a * wa));
}

// torch's: axis after axis, the last one first, in float32; the vote for the largest compares float16.
double torch_score(const std::array<Label, 8>& corner, Label label, LabelVote vote, const Pair<float>& wz,
                   const Pair<float>& wy, const Pair<float>& wx) {
  const float one = vote == LabelVote::largest ? 1000.0F : 1.0F;
  const auto value = [&](std::size_t k) { return corner[k] == label ? one : 0.0F; };
  const auto row = [&](std::size_t k) { return fused_mix(value(k), wx[0], value(k + 1), wx[1]); };
  const auto slice = [&](std::size_t k) { return fused_mix(row(k), wy[0], row(k + 2), wy[1]); };
  const float score = fused_mix(slice(0), wz[0], slice(4), wz[1]);
  return static_cast<double>(vote == LabelVote::largest ? to_half(score) : score);
}

// Shapes and axes of one call, for all its slices.
template <class Axis>
class LinearVoter {
 public:
  using Real = WeightOf<Axis>;

  LinearVoter(const Shape3& from, const Shape3& to, LabelVote vote)
      : width_(from[2]),
        vote_(vote),
        y_(from[1], to[1]),
        x_(from[2], to[2]),
        near_y_(nearest_samples(from[1], to[1])),
        near_x_(nearest_samples(from[2], to[2])) {}

  // One output slice between two; near: the one of the two that is nearest.
  void slice(const Label* below, const Label* above, const Label* near, const Pair<Real>& wz, Label* out) const {
    label_slice(below, above, y_, x_, width_, out, [&](const LabelRows& row, std::size_t y) {
      const Pair<Real> wy{y_.low_weight[y], y_.high_weight[y]};
      return [this, &row, &wz, wy, near_row = near + near_y_[y] * width_](std::size_t x) {
        return vote(row, wz, wy, near_row, x);
      };
    });
  }

 private:
  Label vote(const LabelRows& row, const Pair<Real>& wz, const Pair<Real>& wy, const Label* near_row,
             std::size_t x) const {
    const std::array<Label, 8> corner = corners_of(row, x_, x);
    const Pair<Real> wx{x_.low_weight[x], x_.high_weight[x]};
    if constexpr (std::is_same_v<Axis, TorchAxis>) {
      return elect_corner(corner, vote_, std::nullopt,
                          [&](Label label) { return torch_score(corner, label, vote_, wz, wy, wx); });
    } else {
      return elect_corner(corner, vote_, near_row[near_x_[x]],
                          [&](Label label) { return linear_score(corner, label, wz, wy, wx); });
    }
  }

  Index width_;
  LabelVote vote_;
  Axis y_, x_;
  std::vector<Index> near_y_, near_x_;
};

template <class Axis>
void linear(Labels in, const Shape3& from, Label* out, const Shape3& to, LabelVote vote, int threads) {
  const LinearVoter<Axis> voter(from, to, vote);
  const Axis z(from[0], to[0]);
  const std::vector<Index> near_z = nearest_samples(from[0], to[0]);
  const Index area = from[1] * from[2], area_out = to[1] * to[2];
  parallel_for(to[0], threads, [&](Index i) {
    const auto slice = [&](Index s) { return in.data() + s * area; };
    voter.slice(slice(z.low[at(i)]), slice(z.high[at(i)]), slice(near_z[at(i)]),
                {z.low_weight[at(i)], z.high_weight[at(i)]}, out + i * area_out);
  });
}

void nearest(Labels in, const Shape3& from, Label* out, const Shape3& to, int threads) {
  const auto sz = nearest_samples(from[0], to[0]), sy = nearest_samples(from[1], to[1]);
  const auto sx = nearest_samples(from[2], to[2]);
  parallel_for(to[0], threads, [&](Index z) {
    Label* row_out = out + z * to[1] * to[2];
    for (std::size_t y = 0; y < at(to[1]); ++y, row_out += to[2]) {
      const Label* row = in.data() + (sz[at(z)] * from[1] + sy[y]) * from[2];
      for (std::size_t x = 0; x < at(to[2]); ++x) row_out[x] = row[sx[x]];
    }
  });
}

std::vector<Label> distinct(Labels in) {
  std::vector<bool> found(std::size_t{1} << 16);
  for (const Label l : in) found[static_cast<std::uint16_t>(l)] = true;
  std::vector<Label> labels;
  for (std::int32_t l = INT16_MIN; l <= INT16_MAX; ++l)
    if (found[static_cast<std::uint16_t>(l)]) labels.push_back(static_cast<Label>(l));
  return labels;
}

std::vector<float> mask_of(Labels in, Label label) {
  std::vector<float> mask(in.size());
  std::transform(in.begin(), in.end(), mask.begin(), [&](Label l) { return l == label ? 1.0F : 0.0F; });
  return mask;
}

// A pass a label, ascending.
void cubic(Labels in, const Shape3& from, Label* out, const Shape3& to, LabelVote vote, int threads) {
  const std::vector<Label> labels = distinct(in);
  const auto count = at(volume(to));
  std::fill_n(out, count, vote == LabelVote::largest || labels.size() == 1 ? labels[0] : Label{0});
  if (labels.size() == 1) return;
  std::vector<Label> near(count);
  nearest(in, from, near.data(), to, threads);
  std::vector<float> score(count), best(count, -1.0F);
  std::vector<std::uint8_t> near_is_best(count);
  for (const Label label : labels) {
    resample_image(mask_of(in, label), from, score, to, false, threads);
    for (std::size_t i = 0; i < count; ++i) {
      if (vote != LabelVote::largest) {
        if (vote == LabelVote::majority ? score[i] > 0.5F : score[i] >= 0.5F) out[i] = label;
      } else if (score[i] > best[i]) {
        best[i] = score[i];
        out[i] = label;
        near_is_best[i] = near[i] == label;
      } else if (score[i] == best[i] && near[i] == label) {
        near_is_best[i] = 1;
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    if (near_is_best[i] != 0) out[i] = near[i];
}

void together(Labels in, const Shape3& from, Label* out, const Shape3& to, const ResamplingRule& rule, LabelVote vote,
              int threads) {
  if (from == to) return static_cast<void>(std::copy(in.begin(), in.end(), out));
  if (rule.method == Resampler::torch) return linear<TorchAxis>(in, from, out, to, vote, threads);
  if (rule.order == 0) return nearest(in, from, out, to, threads);
  if (rule.order == 1) return linear<LinearAxis>(in, from, out, to, vote, threads);
  cubic(in, from, out, to, vote, threads);
}

// Along the first axis, which is resampled apart: a label needs more than a half there, later ones win, else 0.
void across_linearly(const Label* in, const LinearAxis& z, Index area, Label* out, int threads) {
  parallel_for(z.size(), threads, [&](Index i) {
    const Label *below = in + z.low[at(i)] * area, *above = in + z.high[at(i)] * area;
    const Label *lower = z.low_weight[at(i)] > 0.5 ? below : nullptr,
                *upper = z.high_weight[at(i)] > 0.5 ? above : nullptr;
    const Label* chosen = lower != nullptr ? lower : upper;
    for (Index p = 0; p < area; ++p)
      out[i * area + p] = below[p] == above[p] ? below[p] : chosen != nullptr ? chosen[p] : Label{0};
  });
}

void across_cubically(Labels in, Index from, Label* out, Index to, Index area, int threads) {
  const auto count = at(to * area);
  std::fill_n(out, count, Label{0});
  std::vector<float> score(count);
  for (const Label label : distinct(in)) {
    spline::resample_first_axis(mask_of(in, label).data(), from, score.data(), to, area, threads);
    for (std::size_t i = 0; i < count; ++i)
      if (score[i] > 0.5F) out[i] = label;
  }
}

// Each slice in-plane, then along the first axis.
void apart(Labels in, const Shape3& from, Label* out, const Shape3& to, const ResamplingRule& rule, LabelVote vote,
           int threads) {
  const Index area = from[1] * from[2], area_out = to[1] * to[2];
  const auto slice = [&](Index z, Label* made) {
    together(in.subspan(at(z * area), at(area)), {1, from[1], from[2]}, made, {1, to[1], to[2]}, rule, vote, 1);
  };
  const bool torch = rule.method == Resampler::torch;
  if (torch || rule.order_across == 0 || from[0] == to[0]) {
    const SliceGroups groups(torch ? torch_nearest_samples(from[0], to[0]) : nearest_samples(from[0], to[0]));
    return groups.run(out, area_out, threads, slice);
  }
  std::vector<Label> slices(at(from[0] * area_out));
  parallel_for(from[0], threads, [&](Index z) { slice(z, slices.data() + z * area_out); });
  if (rule.order_across == 1) return across_linearly(slices.data(), {from[0], to[0]}, area_out, out, threads);
  across_cubically(slices, from[0], out, to[0], area_out, threads);
}

}  // namespace

Array<std::int16_t> resample_label(std::span<const std::int16_t> label, const Shape3& from, const Shape3& to,
                                   const ResamplingRule& rule, LabelVote vote, std::optional<int> across, int threads) {
  Array<Label> result({to[0], to[1], to[2]});
  if (from == to) {
    std::copy(label.begin(), label.end(), result.values.begin());
  } else if (!across) {
    together(label, from, result.data(), to, rule, vote, threads);
  } else if (*across == 0) {
    apart(label, from, result.data(), to, rule, vote, threads);
  } else {
    const std::array<int, 3> order = *across == 1 ? std::array{1, 0, 2} : std::array{2, 0, 1};
    const Shape3 turned_from = in_order(from, order), turned_to = in_order(to, order);
    std::vector<Label> turned(label.size()), made(result.values.size());
    transpose_volume<Label>(label, from, order, turned, threads);
    apart(turned, turned_from, made.data(), turned_to, rule, vote, threads);
    transpose_volume<Label>(made, turned_to, inverse_order(order), result.values, threads);
  }
  return result;
}

}  // namespace nnunet
