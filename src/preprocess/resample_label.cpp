#include <array>

#include "label_slice.h"
#include "nnunet/preprocess/resample.h"

namespace nnunet {

namespace {

using namespace grid;
using ByteRows = Rows<std::uint8_t>;

// The highest class whose weights among the eight corners add up to 0.5. Products and sums are taken in scipy's order,
// because sums of exactly one half are common; nothing here may be contracted to fused multiply-adds.
std::uint8_t vote(const std::array<std::uint8_t, 8>& corner, const std::array<double, 8>& weight) {
  int best = 0;
  for (const std::uint8_t candidate : corner) {
    if (candidate <= best) continue;
    double sum = 0;
    for (std::size_t k = 0; k < 8; ++k)
      if (corner[k] == candidate) sum += weight[k];
    if (sum >= 0.5) best = candidate;
  }
  return static_cast<std::uint8_t>(best);
}

std::uint8_t vote_at(const ByteRows& row, const std::array<double, 4>& row_weight, const LinearAxis& ax,
                     std::size_t x) {
  std::array<std::uint8_t, 8> corner;
  std::array<double, 8> weight;
  for (std::size_t r = 0; r < 4; ++r) {
    corner[2 * r] = row[r][ax.low[x]];
    corner[2 * r + 1] = row[r][ax.high[x]];
    weight[2 * r] = row_weight[r] * ax.low_weight[x];
    weight[2 * r + 1] = row_weight[r] * ax.high_weight[x];
  }
  return vote(corner, weight);
}

// One output slice between two input slices (the same one twice for in-plane resampling: weights 1 and 0).
void vote_slice(const std::uint8_t* below, const std::uint8_t* above, double wz0, double wz1, const LinearAxis& ay,
                const LinearAxis& ax, Index width, std::uint8_t* out) {
  label_slice(below, above, ay, ax, width, out, [&](const ByteRows& row, std::size_t y) {
    const double w0 = ay.low_weight[y], w1 = ay.high_weight[y];
    const std::array<double, 4> row_weight{wz0 * w0, wz0 * w1, wz1 * w0, wz1 * w1};
    return [&row, &ax, row_weight](std::size_t x) { return vote_at(row, row_weight, ax, x); };
  });
}

}  // namespace

Array<std::uint8_t> resample_label(std::span<const std::uint8_t> label, const Shape3& from, const Shape3& to,
                                   bool anisotropic, int threads) {
  Array<std::uint8_t> result({to[0], to[1], to[2]});
  const LinearAxis ay(from[1], to[1]), ax(from[2], to[2]);
  const Index area = from[1] * from[2], area_out = to[1] * to[2];
  if (anisotropic) {
    SliceGroups(from[0], to[0]).run(result.data(), area_out, threads, [&](Index z, std::uint8_t* out) {
      const std::uint8_t* slice = label.data() + z * area;
      vote_slice(slice, slice, 1.0, 0.0, ay, ax, from[2], out);
    });
    return result;
  }
  const LinearAxis az(from[0], to[0]);
  parallel_for(to[0], threads, [&](Index z) {
    vote_slice(label.data() + az.low[at(z)] * area, label.data() + az.high[at(z)] * area, az.low_weight[at(z)],
               az.high_weight[at(z)], ay, ax, from[2], result.data() + z * area_out);
  });
  return result;
}

}  // namespace nnunet
