#pragma once
#include <algorithm>
#include <cstdint>

#include "staging.h"

namespace nnunet::kernels {

/// Covers a plane of rows x cols positions with register tiles of at most `max_rows` rows and `max_voxels` positions,
/// as even as can be.
class RegisterTiles {
 public:
  RegisterTiles(std::int64_t rows, std::int64_t cols, std::int64_t max_rows, std::int64_t max_voxels)
      : rows_(rows), cols_(cols), across_(ceil_div(cols, max_voxels)) {
    const std::int64_t widest = ceil_div(cols, across_);
    down_ = ceil_div(rows, std::clamp<std::int64_t>(max_voxels / widest, 1, max_rows));
  }

  /// body(first row, rows, first column, columns)
  template <class Body>
  void for_each(const Body& body) const {
    for (std::int64_t i = 0; i < down_; ++i)
      for (std::int64_t j = 0; j < across_; ++j) {
        const std::int64_t h = rows_ * i / down_, w = cols_ * j / across_;
        body(h, static_cast<int>(rows_ * (i + 1) / down_ - h), w, static_cast<int>(cols_ * (j + 1) / across_ - w));
      }
  }

 private:
  std::int64_t rows_, cols_, across_, down_ = 1;
};

/// Positions a piece of work takes: many, while `staged` (voxels) stays within `most`, with little halo, and at least
/// `items` pieces over all samples where that leaves enough in each. Does not depend on the threads.
template <class Staged>
Sizes3 choose_positions(const Sizes3& grid, std::int64_t samples, const Staged& staged, std::int64_t most,
                        std::int64_t items, std::int64_t most_positions) {
  constexpr std::int64_t kEnough = 64;
  Sizes3 best{1, 1, 1};
  double best_cost = 1e300;
  for (std::int64_t across = 1; across <= grid[2]; across *= 2)
    for (std::int64_t d = 1; d <= grid[0] && d <= 16; ++d)
      for (std::int64_t h = 1; h <= grid[1] && h <= 64; ++h) {
        const Sizes3 t{d, h, ceil_div(grid[2], across)};
        const std::int64_t positions = volume(t), voxels = staged(t);
        if (positions > most_positions || (voxels > most && positions > 8)) continue;
        Sizes3 tiles;
        for (std::size_t a = 0; a < 3; ++a) tiles[a] = ceil_div(grid[a], t[a]);
        const std::int64_t pieces = samples * volume(tiles);
        // Halo, weights read again for each piece, unevenness of the pieces, idle threads.
        double cost = static_cast<double>(voxels) / static_cast<double>(positions);
        cost += 64.0 / static_cast<double>(positions);
        cost *= static_cast<double>(volume(tiles) * positions) / static_cast<double>(volume(grid));
        if (pieces < items && positions > kEnough) cost *= static_cast<double>(items) / static_cast<double>(pieces);
        if (cost < best_cost) {
          best_cost = cost;
          best = t;
        }
      }
  return best;
}

}  // namespace nnunet::kernels
