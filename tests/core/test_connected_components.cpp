#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "nnunet/core/connected_components.h"

namespace nnunet {
namespace {

/// Plain version: floods the voxels around from each one that has no number yet.
std::vector<int> flooded(const Shape3& size, const std::vector<std::uint8_t>& mask, std::vector<std::int64_t>& sizes) {
  std::vector<int> number(mask.size(), -1);
  const auto at = [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    return static_cast<std::size_t>((z * size[1] + y) * size[2] + x);
  };
  for (std::size_t start = 0; start < mask.size(); ++start) {
    if (mask[start] == 0 || number[start] >= 0) continue;
    const int component = static_cast<int>(sizes.size());
    sizes.push_back(0);
    std::vector<std::size_t> open{start};
    number[start] = component;
    while (!open.empty()) {
      const auto voxel = static_cast<std::int64_t>(open.back());
      open.pop_back();
      ++sizes.back();
      const std::int64_t z = voxel / (size[1] * size[2]), y = voxel / size[2] % size[1], x = voxel % size[2];
      for (std::int64_t dz = std::max<std::int64_t>(z - 1, 0); dz <= std::min(z + 1, size[0] - 1); ++dz)
        for (std::int64_t dy = std::max<std::int64_t>(y - 1, 0); dy <= std::min(y + 1, size[1] - 1); ++dy)
          for (std::int64_t dx = std::max<std::int64_t>(x - 1, 0); dx <= std::min(x + 1, size[2] - 1); ++dx) {
            const std::size_t beside = at(dz, dy, dx);
            if (mask[beside] == 0 || number[beside] >= 0) continue;
            number[beside] = component;
            open.push_back(beside);
          }
    }
  }
  return number;
}

TEST(ConnectedComponents, AsFlooding) {
  std::mt19937 random(5);
  for (const Shape3& size : {Shape3{1, 1, 1}, Shape3{1, 17, 23}, Shape3{9, 12, 14}, Shape3{6, 1, 30}}) {
    for (const unsigned percent : {0U, 5U, 15U, 30U, 60U, 100U}) {
      std::vector<std::uint8_t> mask(static_cast<std::size_t>(volume(size)));
      for (std::uint8_t& voxel : mask) voxel = random() % 100 < percent ? 1 : 0;
      std::vector<std::int64_t> sizes;
      const std::vector<int> expected = flooded(size, mask, sizes);
      const ConnectedComponents components(size,
                                           [&](std::int64_t i) { return mask[static_cast<std::size_t>(i)] != 0; });
      EXPECT_EQ(components.sizes(), sizes);
      std::vector<int> found(mask.size(), -1);
      components.visit([&](std::size_t component, std::size_t line, const ConnectedComponents::Run& run) {
        const auto row = found.begin() + static_cast<std::ptrdiff_t>(line * static_cast<std::size_t>(size[2]));
        std::fill(row + run.begin, row + run.end, static_cast<int>(component));
      });
      EXPECT_EQ(found, expected) << shape_text(size) << ", " << percent << " %";
    }
  }
}

}  // namespace
}  // namespace nnunet
