// Contours of masks, held against what a reader does with them: a voxel is inside when its centre is.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "dicom/dcmtk/contours.h"

namespace nnunet::dicom {
namespace {

struct Mask {
  std::int32_t width, height;
  std::vector<bool> voxels;

  static Mask drawn(const std::vector<std::string>& rows) {
    Mask mask{static_cast<std::int32_t>(rows[0].size()), static_cast<std::int32_t>(rows.size()), {}};
    for (const std::string& row : rows)
      for (const char c : row) mask.voxels.push_back(c == '#');
    return mask;
  }
  bool at(std::int32_t x, std::int32_t y) const { return voxels[static_cast<std::size_t>(y * width + x)]; }
  std::vector<Contour> contours() const {
    return trace_contours(width, height, [this](std::int32_t x, std::int32_t y) { return at(x, y); });
  }
};

/// Even-odd rule for the centre of a voxel.
bool contains(const Contour& contour, std::int32_t x, std::int32_t y) {
  bool inside = false;
  for (std::size_t i = 0; i < contour.size(); ++i) {
    const Corner a = contour[i], b = contour[(i + 1) % contour.size()];
    const bool crosses = (a.y <= y) != (b.y <= y);
    if (crosses && a.x <= x) inside = !inside;  // edges that cross the line of the centre are vertical
  }
  return inside;
}

std::int64_t twice_area(const Contour& contour) {
  std::int64_t area = 0;
  for (std::size_t i = 0; i < contour.size(); ++i) {
    const Corner a = contour[i], b = contour[(i + 1) % contour.size()];
    area += std::int64_t{a.x} * b.y - std::int64_t{b.x} * a.y;
  }
  return area;
}

/// Every voxel of the mask is in exactly one contour, every other in none; the areas are the voxels'.
void expect_encloses(const Mask& mask) {
  const auto contours = mask.contours();
  std::int64_t area = 0, voxels = 0;
  for (const Contour& contour : contours) {
    area += twice_area(contour);
    for (std::size_t i = 0; i < contour.size(); ++i) {
      const Corner a = contour[i], b = contour[(i + 1) % contour.size()];
      ASSERT_NE(a.x == b.x, a.y == b.y) << "an edge along one axis, of some length";
    }
  }
  for (std::int32_t y = 0; y < mask.height; ++y)
    for (std::int32_t x = 0; x < mask.width; ++x) {
      const auto around = std::ranges::count_if(contours, [&](const Contour& c) { return contains(c, x, y); });
      ASSERT_EQ(around, mask.at(x, y) ? 1 : 0) << x << "," << y;
      voxels += mask.at(x, y) ? 1 : 0;
    }
  EXPECT_EQ(area, 2 * voxels);
}

TEST(Contours, OneVoxelIsASquare) {
  const auto contours = Mask::drawn({"...", ".#.", "..."}).contours();
  ASSERT_EQ(contours.size(), 1U);
  EXPECT_EQ(contours[0], (Contour{{1, 2}, {1, 1}, {2, 1}, {2, 2}}));
}

TEST(Contours, NothingHasNone) {
  EXPECT_TRUE(Mask::drawn({"..", ".."}).contours().empty());
}

TEST(Contours, WholePlaneHasFourCorners) {
  const auto contours = Mask::drawn({"####", "####"}).contours();
  ASSERT_EQ(contours.size(), 1U);
  EXPECT_EQ(contours[0].size(), 4U);
}

TEST(Contours, VoxelsThatTouchByACornerStayApart) {
  const Mask mask = Mask::drawn({"#.", ".#"});
  EXPECT_EQ(mask.contours().size(), 2U);
  expect_encloses(mask);
}

TEST(Contours, AHoleIsJoinedByAKeyhole) {
  const Mask mask = Mask::drawn({"#####", "#...#", "#.#.#", "#...#", "#####"});
  const auto contours = mask.contours();
  ASSERT_EQ(contours.size(), 2U) << "the ring with its hole, and the voxel in the hole";
  EXPECT_EQ(std::max(contours[0].size(), contours[1].size()), 10U) << "two squares and the way there and back";
  expect_encloses(mask);
}

TEST(Contours, HolesBesideEachOtherAndAtSteps) {
  for (const auto& rows : {std::vector<std::string>{"########", "#.##.#.#", "########"},
                           {"..####..", ".##..##.", "##.##.##", ".##..##.", "..####.."},
                           {"#######", "##.####", "#.#.###", "##.#.##", "#######"},
                           {"###.###", "#.###.#", "###.###", ".#####.", "##.#.##"}})
    expect_encloses(Mask::drawn(rows));
}

TEST(Contours, RandomMasksAreEnclosedExactly) {
  std::mt19937 random(18);
  for (int round = 0; round < 400; ++round) {
    Mask mask{static_cast<std::int32_t>(1 + random() % 17), static_cast<std::int32_t>(1 + random() % 17), {}};
    const auto share = 1 + random() % 9;
    for (std::int32_t i = 0; i < mask.width * mask.height; ++i) mask.voxels.push_back(random() % 10 < share);
    expect_encloses(mask);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace nnunet::dicom
