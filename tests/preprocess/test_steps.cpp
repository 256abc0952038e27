#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nnunet/preprocess/crop.h"
#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/pad.h"

namespace nnunet {
namespace {

TEST(ForegroundBox, CoversPositiveVoxelsOfAnyChannel) {
  Array<float> image({2, 4, 5, 20}, -1.0F);
  const auto at = [&](std::int64_t c, std::int64_t z, std::int64_t y, std::int64_t x) -> float& {
    return image.values[static_cast<std::size_t>(((c * 4 + z) * 5 + y) * 20 + x)];
  };
  EXPECT_FALSE(foreground_box(image));
  at(0, 1, 4, 17) = 0.5F;
  at(1, 2, 2, 3) = 1e-20F;
  const auto box = foreground_box(image);
  ASSERT_TRUE(box);
  EXPECT_EQ(box->start, (Shape3{1, 2, 3}));
  EXPECT_EQ(box->end, (Shape3{3, 5, 18}));
  const Array<float> cropped = crop(image, *box);
  EXPECT_EQ(cropped.shape, (std::vector<std::int64_t>{2, 2, 3, 15}));
  EXPECT_EQ(cropped.values[static_cast<std::size_t>(2 * 15 + 14)], 0.5F);
  EXPECT_EQ(cropped.values[static_cast<std::size_t>(2 * 3 * 15 + 3 * 15)], 1e-20F);
}

TEST(NonFinite, Found) {
  Array<float> v({1, 1, 4, 25});
  std::ranges::fill(v.values, 1.0F);
  EXPECT_FALSE(has_non_finite(v));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    v.values[77] = bad;
    EXPECT_TRUE(has_non_finite(v));
  }
  v.values[77] = std::numeric_limits<float>::max();
  EXPECT_FALSE(has_non_finite(v));
}

TEST(Crop, KeepsTheWholeAndSingleVoxels) {
  Array<std::uint8_t> map({3, 2, 5});
  for (std::size_t i = 0; i < 30; ++i) map.values[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crop(map, {{0, 0, 0}, {3, 2, 5}}).values, map.values);
  EXPECT_EQ(crop(map, {{1, 1, 4}, {2, 2, 5}}).values, (std::vector<std::uint8_t>{19}));
  EXPECT_EQ(crop(map, {{0, 1, 0}, {3, 2, 2}}).values, (std::vector<std::uint8_t>{5, 6, 15, 16, 25, 26}));
}

// Values that fill no vector and several parts that threads share; the first is not typical of the others.
std::vector<float> many_values() {
  std::vector<float> v{1e4F};
  for (int i = 0; i < (1 << 20) + 37; ++i) v.push_back(50 + 300 * std::sin(0.1F * static_cast<float>(i)));
  return v;
}

TEST(Normalize, AgreesWithThePlainWayOnAnyNumberOfThreads) {
  const std::vector<float> before = many_values();
  double sum = 0, squares = 0;
  for (const float v : before) sum += static_cast<double>(v);
  const double mean = sum / static_cast<double>(before.size());
  for (const float v : before) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
  const double std = std::sqrt(squares / static_cast<double>(before.size()));
  std::vector<float> one = before, three = before;
  normalize_z_score(one, 1);
  normalize_z_score(three, 3);
  EXPECT_EQ(one, three);
  for (std::size_t i = 0; i < before.size(); i += 101)
    ASSERT_NEAR(one[i], (static_cast<double>(before[i]) - mean) / std, 1e-5);
  EXPECT_EQ(value_range(before, 3), (std::pair{*std::min_element(before.begin(), before.end()), 1e4F}));
  one = three = before;
  normalize_ct(one, {-100, 200, 40, 30}, 1);
  normalize_ct(three, {-100, 200, 40, 30}, 3);
  EXPECT_EQ(one, three);
  for (std::size_t i = 0; i < before.size(); i += 101)
    ASSERT_NEAR(one[i], (std::clamp(static_cast<double>(before[i]), -100.0, 200.0) - 40) / 30, 1e-5);
}

TEST(Normalize, Ct) {
  std::vector<float> v{-2000, -100, 0, 100, 2000};
  normalize_ct(v, {-100, 100, 10, 20});
  const std::vector<double> expected{-5.5, -5.5, -0.5, 4.5, 4.5};
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], expected[i], 1e-6);
}

TEST(Normalize, ZScoreUsesThePopulationStd) {
  std::vector<float> v;
  for (int i = 0; i < 101; ++i) v.push_back(1000.0F + static_cast<float>(i));
  normalize_z_score(v);
  const double std = std::sqrt((101.0 * 101.0 - 1) / 12);
  for (int i = 0; i < 101; ++i) EXPECT_NEAR(v[static_cast<std::size_t>(i)], (i - 50) / std, 1e-5);
  std::vector<float> flat(33, 0.1F);
  normalize_z_score(flat);
  for (const float x : flat) EXPECT_NEAR(x, 0, 1e-7);  // only centred
}

PreprocessedCase case_of(std::vector<std::int64_t> shape) {
  PreprocessedCase item;
  item.x = Array<float>(shape);
  item.y = Array<std::uint8_t>({shape[1], shape[2], shape[3]});
  for (std::size_t i = 0; i < item.x.values.size(); ++i) item.x.values[i] = static_cast<float>(i + 1);
  for (std::size_t i = 0; i < item.y->values.size(); ++i) item.y->values[i] = static_cast<std::uint8_t>(i % 251 + 1);
  return item;
}

TEST(FitToPatch, PadsFloorHalfBefore) {
  PreprocessedCase item = case_of({1, 1, 3, 4});
  fit_to_patch(item, {4, 4, 2});
  ASSERT_EQ(item.x.shape, (std::vector<std::int64_t>{1, 4, 4, 4}));  // never cropped in 3D
  for (std::int64_t z = 0; z < 4; ++z)
    for (std::int64_t y = 0; y < 4; ++y)
      for (std::int64_t x = 0; x < 4; ++x) {
        const auto i = static_cast<std::size_t>((z * 4 + y) * 4 + x);
        const float expected = z == 1 && y < 3 ? static_cast<float>(y * 4 + x + 1) : 0.0F;
        EXPECT_EQ(item.x.values[i], expected);
        EXPECT_EQ(item.y->values[i], static_cast<std::uint8_t>(expected));
      }
}

TEST(FitToPatch, In2dPadsAndCropsThePlaneOnly) {
  PreprocessedCase item = case_of({2, 2, 7, 2});
  const Array<float> before = item.x;
  fit_to_patch(item, {4, 5});
  ASSERT_EQ(item.x.shape, (std::vector<std::int64_t>{2, 2, 4, 5}));
  for (std::int64_t cz = 0; cz < 4; ++cz)
    for (std::int64_t y = 0; y < 4; ++y)
      for (std::int64_t x = 0; x < 5; ++x) {
        const bool inside = x >= 1 && x < 3;
        const float expected = inside ? before.values[static_cast<std::size_t>((cz * 7 + y + 1) * 2 + x - 1)] : 0.0F;
        EXPECT_EQ(item.x.values[static_cast<std::size_t>((cz * 4 + y) * 5 + x)], expected);
      }
  EXPECT_EQ(item.y->shape, (std::vector<std::int64_t>{2, 4, 5}));
}

// Expected: scipy.ndimage.grey_erosion(grey_dilation(slice, (3, 3)), (3, 3)).
TEST(CloseLabel, IsGreyClosingSliceBySlice) {
  const std::vector<std::uint8_t> slice{0, 0, 3, 0, 2, 2, 0, 0, 2, 2, 3, 2, 3, 2, 3, 1, 2, 0, 0, 2};
  const std::vector<std::uint8_t> expected{2, 2, 3, 2, 2, 2, 2, 3, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
  Array<std::uint8_t> label({2, 4, 5});
  std::copy(slice.begin(), slice.end(), label.values.begin());
  close_label(label);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), label.values.begin()));
  for (std::size_t i = 20; i < 40; ++i) EXPECT_EQ(label.values[i], 0);
}

}  // namespace
}  // namespace nnunet
