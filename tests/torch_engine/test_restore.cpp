#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "feed.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/restore.h"
#include "nnunet/io/npy.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

const LogitResampling kSlices{.separate_axis = 0};  // in-plane, z by nearest neighbour

torch::Tensor formula_logits(const std::vector<std::int64_t>& shape) {
  const auto i = torch::arange(c10::multiply_integers(shape), torch::kDouble);
  return (3 * torch::sin(0.37 * i) + torch::cos(1.1 * i)).to(torch::kFloat32).view(shape);
}

/// One coordinate of the half-pixel grid: the two voxels it lies between and the second one's weight.
struct Between {
  std::int64_t low, high;
  double weight;
};
Between between(std::int64_t i, std::int64_t from, std::int64_t to) {
  const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
  const double low = std::floor(at);
  const auto inside = [&](double v) {
    return static_cast<std::int64_t>(std::clamp(v, 0.0, static_cast<double>(from - 1)));
  };
  return {inside(low), inside(low + 1), at - low};
}
std::int64_t nearest(std::int64_t i, std::int64_t from, std::int64_t to) {
  const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(at + 0.5)), 0, from - 1);
}

/// Resampled logits (K, box) in double, voxel by voxel.
torch::Tensor plain_resample(const torch::Tensor& logits, const Shape3& box, bool anisotropic) {
  auto result = torch::zeros({logits.size(0), box[0], box[1], box[2]}, torch::kDouble);
  const auto in = logits.accessor<float, 4>();
  auto out = result.accessor<double, 4>();
  for (std::int64_t k = 0; k < in.size(0); ++k)
    for (std::int64_t z = 0; z < box[0]; ++z)
      for (std::int64_t y = 0; y < box[1]; ++y)
        for (std::int64_t x = 0; x < box[2]; ++x) {
          Between bz = between(z, in.size(1), box[0]);
          if (anisotropic) bz = {nearest(z, in.size(1), box[0]), 0, 0.0};
          const Between by = between(y, in.size(2), box[1]), bx = between(x, in.size(3), box[2]);
          const auto plane = [&](std::int64_t zz) {
            const auto row = [&](std::int64_t yy) {
              return in[k][zz][yy][bx.low] * (1 - bx.weight) + in[k][zz][yy][bx.high] * bx.weight;
            };
            return row(by.low) * (1 - by.weight) + row(by.high) * by.weight;
          };
          out[k][z][y][x] =
              bz.weight == 0 ? plane(bz.low) : plane(bz.low) * (1 - bz.weight) + plane(bz.high) * bz.weight;
        }
  return result;
}

/// Labels and probabilities of whole logits that come in blocks of so many lines.
struct Restored {
  Array<std::uint8_t> labels;
  Array<float> probabilities;
};
Restored restore(const torch::Tensor& logits, const OriginalGrid& grid, std::int64_t z_step, std::int64_t y_step) {
  const test::TempFolder folder;
  RestoreSink both("case", grid, true, folder / "p.npy"), only_labels("case", grid, true);
  test::feed(both, logits, z_step, y_step);
  test::feed(only_labels, logits, z_step, y_step);
  EXPECT_FALSE(std::filesystem::exists(folder / "p.npy"));
  both.save_probabilities();
  EXPECT_EQ(both.labels().values, only_labels.labels().values);
  return {both.labels(), read_npy<float>(folder / "p.npy")};
}

void check(const Shape3& from, const OriginalGrid& grid) {
  const auto logits = formula_logits({4, from[0], from[1], from[2]});
  const Shape3 box{grid.crop_end[0] - grid.crop_start[0], grid.crop_end[1] - grid.crop_start[1],
                   grid.crop_end[2] - grid.crop_start[2]};
  const auto resampled = plain_resample(logits, box, grid.resampling.separate_axis.has_value());
  const auto expected = torch::softmax(resampled, 0);
  const auto [labels, probabilities] = restore(logits, grid, from[0], from[1]);
  // The blocks change nothing.
  for (const std::int64_t z_step : {1, 99})
    for (const std::int64_t y_step : {1, 4}) {
      const Restored blocks = restore(logits, grid, z_step, y_step);
      EXPECT_EQ(blocks.labels.values, labels.values);
      for (std::size_t i = 0; i < probabilities.values.size(); ++i)  // the softmax rounds by place
        ASSERT_NEAR(blocks.probabilities.values[i], probabilities.values[i], 1e-6);
    }
  ASSERT_EQ(probabilities.shape, (std::vector<std::int64_t>{4, grid.shape[0], grid.shape[1], grid.shape[2]}));
  ASSERT_EQ(labels.shape, (std::vector<std::int64_t>{grid.shape[0], grid.shape[1], grid.shape[2]}));
  const auto e = expected.accessor<double, 4>();
  const auto outside_value = [](std::int64_t k) { return k == 0 ? 1.0 : 0.0; };
  double worst = 0;
  std::int64_t wrong_labels = 0;
  for (std::int64_t z = 0; z < grid.shape[0]; ++z)
    for (std::int64_t y = 0; y < grid.shape[1]; ++y)
      for (std::int64_t x = 0; x < grid.shape[2]; ++x) {
        const std::int64_t bz = z - grid.crop_start[0], by = y - grid.crop_start[1], bx = x - grid.crop_start[2];
        const bool inside = bz >= 0 && by >= 0 && bx >= 0 && bz < box[0] && by < box[1] && bx < box[2];
        std::vector<double> p(4);
        for (std::int64_t k = 0; k < 4; ++k) {
          p[static_cast<std::size_t>(k)] = inside ? e[k][bz][by][bx] : outside_value(k);
          const float got =
              probabilities
                  .values[static_cast<std::size_t>(((k * grid.shape[0] + z) * grid.shape[1] + y) * grid.shape[2] + x)];
          if (inside)
            worst = std::max(worst, std::abs(got - p[static_cast<std::size_t>(k)]));
          else
            EXPECT_EQ(got, outside_value(k));
        }
        const auto label = labels.values[static_cast<std::size_t>((z * grid.shape[1] + y) * grid.shape[2] + x)];
        if (p[label] < *std::max_element(p.begin(), p.end()) - 1e-6) ++wrong_labels;
      }
  EXPECT_LE(worst, 1e-5);
  EXPECT_EQ(wrong_labels, 0);
}

TEST(Restore, SameGrid) {
  check({5, 6, 7}, {{1, 2, 0}, {6, 8, 7}, {8, 9, 7}});
}
TEST(Restore, WholeImage) {
  check({5, 6, 7}, {{0, 0, 0}, {5, 6, 7}, {5, 6, 7}});
}
TEST(Restore, IsotropicUp) {
  check({5, 6, 7}, {{1, 2, 3}, {9, 13, 13}, {10, 16, 14}});
}
TEST(Restore, IsotropicDown) {
  check({9, 12, 11}, {{1, 0, 2}, {5, 7, 10}, {6, 8, 12}});
}
TEST(Restore, AnisotropicUp) {
  check({5, 6, 7}, {{1, 2, 3}, {12, 13, 13}, {12, 16, 14}, kSlices});
}
TEST(Restore, AnisotropicDown) {
  check({11, 6, 7}, {{0, 0, 0}, {4, 9, 9}, {5, 9, 10}, kSlices});
}
TEST(Restore, SingleSlice) {
  check({1, 6, 7}, {{0, 1, 1}, {1, 7, 8}, {1, 9, 9}});
}

TEST(Restore, OneAxisOnly) {
  check({5, 6, 7}, {{0, 0, 0}, {9, 6, 7}, {9, 6, 7}});
  check({5, 6, 7}, {{0, 0, 0}, {5, 11, 7}, {5, 11, 7}});
  check({5, 6, 7}, {{0, 0, 0}, {5, 6, 12}, {5, 6, 12}});
}
TEST(Restore, LongLines) {
  check({2, 3, 37}, {{0, 0, 0}, {3, 4, 75}, {3, 4, 75}});
}

TEST(Restore, ManyClassesAndTies) {
  auto logits = formula_logits({256, 3, 4, 5});
  logits[17] = logits[255] = logits.amax(0) + 1;  // the first one wins
  const auto [labels, probabilities] = restore(logits, {{0, 0, 0}, {5, 6, 9}, {5, 6, 9}}, 2, 3);
  EXPECT_TRUE(std::ranges::all_of(labels.values, [](auto k) { return k == 17; }));
}

TEST(Restore, RefusesBoxesOutsideTheImage) {
  const auto run = [](const OriginalGrid& grid) { RestoreSink("case", grid, true); };
  EXPECT_THROW(run({{0, 0, 0}, {4, 4, 5}, {4, 4, 4}}), Error);
  EXPECT_THROW(run({{-1, 0, 0}, {3, 4, 4}, {4, 4, 4}}), Error);
  EXPECT_THROW(run({{0, 2, 0}, {4, 2, 4}, {4, 4, 4}}), Error);
  RestoreSink fits("case", {{0, 0, 0}, {1, 1, 1}, {1, 1, 1}}, true);
  EXPECT_THROW(test::feed(fits, torch::zeros({257, 1, 1, 1}), 1, 1), Error);
}

TEST(LabelSink, FirstLargestClass) {
  const auto logits = formula_logits({5, 6, 7, 9}).round();  // whole numbers: ties
  for (const std::int64_t step : {1, 2, 99}) {
    LabelSink sink;
    test::feed(sink, logits, step, step);
    const auto a = logits.accessor<float, 4>();
    std::size_t i = 0;
    for (std::int64_t z = 0; z < 6; ++z)
      for (std::int64_t y = 0; y < 7; ++y)
        for (std::int64_t x = 0; x < 9; ++x, ++i) {
          std::int64_t best = 0;
          for (std::int64_t k = 1; k < 5; ++k)
            if (a[k][z][y][x] > a[best][z][y][x]) best = k;
          ASSERT_EQ(sink.labels().values[i], best);
        }
  }
}

}  // namespace
}  // namespace nnunet
