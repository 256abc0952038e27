#include "nnunet/preprocess/mask.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace nnunet {
namespace {

Array<float> random_volume(const Shape3& s, std::uint32_t seed, double zeros, std::int64_t channels = 1) {
  std::mt19937 random(seed);
  std::bernoulli_distribution zero(zeros);
  Array<float> image({channels, s[0], s[1], s[2]});
  for (float& v : image.values) v = zero(random) ? 0.0F : -1.0F;
  return image;
}

// Voxel by voxel from the border.
std::vector<std::uint8_t> plain_mask(const Array<float>& image) {
  const Shape3 s = image.spatial();
  const auto place = [&](const Shape3& p) { return static_cast<std::size_t>((p[0] * s[1] + p[1]) * s[2] + p[2]); };
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(volume(s)), 1);
  std::vector<Shape3> open;
  const auto visit = [&](const Shape3& p) {
    for (std::int64_t c = 0; c < image.size(0); ++c)
      if (image.slab(c)[place(p)] != 0) return;
    if (mask[place(p)] == 0) return;
    mask[place(p)] = 0;
    open.push_back(p);
  };
  for (std::int64_t z = 0; z < s[0]; ++z)
    for (std::int64_t y = 0; y < s[1]; ++y)
      for (std::int64_t x = 0; x < s[2]; ++x)
        if (z == 0 || y == 0 || x == 0 || z + 1 == s[0] || y + 1 == s[1] || x + 1 == s[2]) visit({z, y, x});
  while (!open.empty()) {
    const Shape3 p = open.back();
    open.pop_back();
    for (std::size_t a = 0; a < 3; ++a)
      for (const std::int64_t step : {-1, 1}) {
        Shape3 q = p;
        q[a] += step;
        if (q[a] >= 0 && q[a] < s[a]) visit(q);
      }
  }
  return mask;
}

TEST(NonzeroFilledMask, EqualsAPlainFlood) {
  std::uint32_t seed = 0;
  for (const Shape3& s :
       {Shape3{1, 1, 1}, Shape3{1, 9, 70}, Shape3{5, 1, 64}, Shape3{7, 9, 65}, Shape3{40, 20, 130}, Shape3{33, 17, 5}})
    for (const double zeros : {0.05, 0.35, 0.6, 0.9})
      for (const int threads : {1, 4}) {
        SCOPED_TRACE(shape_text(s) + " zeros " + std::to_string(zeros));
        const Array<float> image = random_volume(s, seed, zeros, 1 + seed % 2);
        ++seed;
        EXPECT_EQ(nonzero_filled_mask(image, threads), plain_mask(image));
      }
}

// A single way that winds through all rows of every other slice.
TEST(NonzeroFilledMask, FollowsAMaze) {
  const Shape3 s{41, 23, 71};
  Array<float> image({1, s[0], s[1], s[2]}, 1.0F);
  std::size_t open = 0;
  const auto dig = [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    image.values[static_cast<std::size_t>((z * s[1] + y) * s[2] + x)] = 0;
    ++open;
  };
  bool at_end = false;  // of a row
  std::int64_t y = 1, step = 2;
  for (std::int64_t z = 1; z < s[0] - 1; z += 2) {
    for (;;) {
      for (std::int64_t x = 1; x < s[2] - 1; ++x) dig(z, y, x);
      at_end = !at_end;
      if (y + step < 1 || y + step > s[1] - 2) break;
      dig(z, y + step / 2, at_end ? s[2] - 2 : 1);
      y += step;
    }
    step = -step;
    if (z + 2 < s[0] - 1) dig(z + 1, y, at_end ? s[2] - 2 : 1);
  }
  EXPECT_EQ(nonzero_filled_mask(image, 2), std::vector<std::uint8_t>(image.values.size(), 1));
  dig(0, 1, 1);  // above the way's beginning
  for (const int threads : {1, 3}) {
    const std::vector<std::uint8_t> mask = nonzero_filled_mask(image, threads);
    EXPECT_EQ(static_cast<std::size_t>(std::count(mask.begin(), mask.end(), std::uint8_t{0})), open);
  }
}

}  // namespace
}  // namespace nnunet
