#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "nnunet/core/error.h"
#include "nnunet/infer/restore.h"
#include "nnunet/io/npy.h"
#include "nnunet/kernels/half.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

/// Logits (K,D,H,W) that float16 has, in lines (D,H) of (K,W) as the sliding window hands them on.
struct HalfLogits {
  HalfLogits(std::int64_t classes_, const Shape3& shape_, double step) : classes(classes_), shape(shape_) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal(0, 4);
    for (std::int64_t i = 0; i < classes * volume(shape); ++i) {
      kernels::Half half{};
      kernels::from_float(static_cast<float>(std::round(normal(random) / step) * step), half);
      bits.push_back(half.bits);
    }
  }
  std::int64_t place(std::int64_t k, std::int64_t z, std::int64_t y, std::int64_t x) const {
    return ((z * shape[1] + y) * classes + k) * shape[2] + x;
  }
  double at(std::int64_t k, std::int64_t z, std::int64_t y, std::int64_t x) const {
    return kernels::to_float({bits[static_cast<std::size_t>(place(k, z, y, x))]});
  }

  std::int64_t classes;
  Shape3 shape;
  std::vector<std::uint16_t> bits;
};

void feed(RestoreSink& sink, const HalfLogits& logits, std::int64_t z_step, std::int64_t y_step) {
  sink.begin(logits.classes, logits.shape);
  const auto& shape = logits.shape;
  for (std::int64_t z = 0; z < shape[0]; z += z_step)
    for (std::int64_t y = 0; y < shape[1]; y += y_step) {
      const std::int64_t z_end = std::min(shape[0], z + z_step), y_end = std::min(shape[1], y + y_step);
      std::vector<const void*> lines(static_cast<std::size_t>(shape[0] * shape[1]));
      for (std::int64_t i = std::max<std::int64_t>(0, z - 1); i < z_end; ++i)
        for (std::int64_t j = std::max<std::int64_t>(0, y - 1); j < y_end; ++j)
          lines[static_cast<std::size_t>(i * shape[1] + j)] =
              &logits.bits[static_cast<std::size_t>(logits.place(0, i, j, 0))];
      sink.take({logits.classes, shape, shape[2], z, z_end, y, y_end, lines.data(), SumType::fp16});
    }
}

/// To the nearest number that float16 has, ties to even.
double to_half(double value) {
  if (value == 0) return 0;
  const int exponent = std::max(std::ilogb(value), -14) - 10;
  return std::ldexp(std::nearbyint(std::ldexp(value, -exponent)), exponent);
}

/// Where voxel i of an axis lies between those of another one, and the second one's weight, as scipy's zoom has it.
struct Between {
  std::int64_t low, high;
  double weight;
};
Between between(std::int64_t i, std::int64_t from, std::int64_t to, bool nearest) {
  const double zoom = static_cast<double>(from) / static_cast<double>(to), last = static_cast<double>(from - 1);
  const double at = std::clamp((static_cast<double>(i) + 0.5) * zoom - 0.5, 0.0, last);
  const auto low = static_cast<std::int64_t>(std::floor(nearest ? at + 0.5 : at));
  return {low, std::min(low + 1, from - 1), nearest ? 0 : at - std::floor(at)};
}

Shape3 box_of(const OriginalGrid& grid) {
  return {grid.crop_end[0] - grid.crop_start[0], grid.crop_end[1] - grid.crop_start[1],
          grid.crop_end[2] - grid.crop_start[2]};
}

/// All classes of voxel `to` of the box, in double.
std::vector<double> plain_logits(const HalfLogits& logits, const OriginalGrid& grid, const Shape3& to) {
  const Shape3 box = box_of(grid);
  const LogitResampling& r = grid.resampling;
  std::array<Between, 3> b{};
  for (std::size_t a = 0; a < 3; ++a) {
    const bool across = r.separate_axis && static_cast<std::size_t>(*r.separate_axis) == a;
    b[a] = between(to[a], logits.shape[a], box[a], (across ? r.order_across : r.order) == 0);
  }
  std::vector<double> result;
  for (std::int64_t k = 0; k < logits.classes; ++k) {
    double sum = 0;
    for (int corner = 0; corner < 8; ++corner) {
      const auto side = [&](std::size_t a) { return (corner >> (2 - a) & 1) != 0; };  // along x first
      const auto place = [&](std::size_t a) { return side(a) ? b[a].high : b[a].low; };
      double product = logits.at(k, place(0), place(1), place(2));
      for (std::size_t a = 0; a < 3; ++a) product *= side(a) ? b[a].weight : 1 - b[a].weight;
      sum += product;
    }
    result.push_back(r.method == Resampler::torch && logits.shape != box ? sum : to_half(sum));
  }
  return result;
}

std::size_t image_index(const OriginalGrid& grid, const Shape3& network) {
  const Shape3 image = grid.image_shape();
  Shape3 at{};
  for (std::size_t i = 0; i < 3; ++i) at[static_cast<std::size_t>(grid.transpose[i])] = network[i];
  return static_cast<std::size_t>((at[0] * image[1] + at[1]) * image[2] + at[2]);
}

LabelSpec label_spec(int classes) {
  LabelSpec spec;
  for (int i = 0; i < classes; ++i) spec.entries.push_back({std::to_string(i), {i}});
  spec.type = LabelType::uint8_or_uint16;
  return spec;
}

LabelSpec region_spec() {
  LabelSpec spec;
  spec.entries = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}, {"middle", {3}}};
  spec.decision = LabelDecision::sigmoid;
  spec.region_values = {1, 2, 3};
  return spec;
}

void check_labels(const HalfLogits& logits, const OriginalGrid& grid, const std::vector<int>& labels) {
  const bool regions = grid.labels.decision == LabelDecision::sigmoid;
  const bool rounded = grid.resampling.method != Resampler::torch;
  std::int64_t wrong = 0;
  for (std::int64_t z = 0; z < grid.shape[0]; ++z)
    for (std::int64_t y = 0; y < grid.shape[1]; ++y)
      for (std::int64_t x = 0; x < grid.shape[2]; ++x) {
        const int label = labels[image_index(grid, {z, y, x})];
        const Shape3 to{z - grid.crop_start[0], y - grid.crop_start[1], x - grid.crop_start[2]}, box = box_of(grid);
        bool inside = true;
        for (std::size_t a = 0; a < 3; ++a) inside &= to[a] >= 0 && to[a] < box[a];
        if (!inside) {
          wrong += label != 0 ? 1 : 0;
          continue;
        }
        const auto values = plain_logits(logits, grid, to);
        if (regions) {
          int expected = 0;
          for (std::size_t k = 0; k < values.size(); ++k)
            if (values[k] > 1e-6) expected = grid.labels.region_values[k];
          wrong += label != expected ? 1 : 0;
        } else {
          const auto best = std::ranges::max_element(values);
          wrong += rounded ? label != best - values.begin()
                           : values.at(static_cast<std::size_t>(label)) < *best - 1e-5;  // in float32
        }
      }
  EXPECT_EQ(wrong, 0);
}

std::vector<int> labels_of(RestoreSink& sink) {
  if (sink.has_wide_labels()) return {sink.wide_labels().values.begin(), sink.wide_labels().values.end()};
  return {sink.labels().values.begin(), sink.labels().values.end()};
}

/// In somebody's memory, from kept logits.
void check_memory(const HalfLogits& logits, const OriginalGrid& grid, const std::vector<int>& labels,
                  const Array<float>& probabilities) {
  Array<float> widened({logits.classes, logits.shape[0], logits.shape[1], logits.shape[2]});
  float* to = widened.data();
  for (std::int64_t k = 0; k < logits.classes; ++k)
    for (std::int64_t z = 0; z < logits.shape[0]; ++z)
      for (std::int64_t y = 0; y < logits.shape[1]; ++y)
        for (std::int64_t x = 0; x < logits.shape[2]; ++x) *to++ = static_cast<float>(logits.at(k, z, y, x));
  // x first, from the last class on.
  const auto [classes, depth, height] = std::array{logits.classes, probabilities.shape[1], probabilities.shape[2]};
  Array<float> room({probabilities.shape[3], classes, depth, height}, -1.0F);
  const std::int64_t voxels = depth * height;
  const ClassVolume memory{room.data() + (classes - 1) * voxels, {-voxels, height, 1, classes * voxels}};
  RestoreSink sink("case", grid, true, memory);
  pass_on(widened.data(), classes, logits.shape, SumType::fp16, sink);
  EXPECT_EQ(labels_of(sink), labels);
  std::size_t wrong = 0, i = 0;
  for (std::int64_t k = 0; k < classes; ++k)
    for (std::int64_t z = 0; z < depth; ++z)
      for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < probabilities.shape[3]; ++x, ++i)
          wrong += memory.values[k * memory.strides[0] + z * memory.strides[1] + y * memory.strides[2] +
                                 x * memory.strides[3]] != probabilities.values[i]
                       ? 1
                       : 0;
  EXPECT_EQ(wrong, 0U);
}

/// Labels and probabilities, whole and in blocks.
void check(std::int64_t classes, const Shape3& from, const OriginalGrid& grid, double step = 0.25) {
  SCOPED_TRACE(shape_text(from) + " " + shape_text(grid.shape));
  const test::TempFolder folder;
  const HalfLogits logits(classes, from, step);
  const bool regions = grid.labels.decision == LabelDecision::sigmoid;
  RestoreSink alone("case", grid, true), both("case", grid, true, folder / "p.npy");
  feed(alone, logits, 99, 99);
  feed(both, logits, 1, 4);
  both.save_probabilities();
  const auto labels = labels_of(alone);
  check_labels(logits, grid, labels);
  EXPECT_EQ(labels_of(both), labels);  // no logits here are so close that their probabilities are equal
  RestoreSink blocks("case", grid, true);
  feed(blocks, logits, 2, 3);
  EXPECT_EQ(labels_of(blocks), labels);

  const Array<float> p = read_npy<float>(folder / "p.npy");
  const Shape3 image = grid.image_shape(), box = box_of(grid);
  ASSERT_EQ(p.shape, (std::vector<std::int64_t>{classes, image[0], image[1], image[2]}));
  double worst = 0;
  for (std::int64_t z = 0; z < grid.shape[0]; ++z)
    for (std::int64_t y = 0; y < grid.shape[1]; ++y)
      for (std::int64_t x = 0; x < grid.shape[2]; ++x) {
        const Shape3 to{z - grid.crop_start[0], y - grid.crop_start[1], x - grid.crop_start[2]};
        bool inside = true;
        for (std::size_t a = 0; a < 3; ++a) inside &= to[a] >= 0 && to[a] < box[a];
        const auto values = inside ? plain_logits(logits, grid, to) : std::vector<double>();
        double sum = 0;
        for (const double v : values) sum += std::exp(v);
        for (std::int64_t k = 0; k < classes; ++k) {
          double expected = k == 0 && !regions ? 1 : 0;
          if (inside && regions) expected = 1 / (1 + std::exp(-values[static_cast<std::size_t>(k)]));
          if (inside && !regions) expected = std::exp(values[static_cast<std::size_t>(k)]) / sum;
          const float got = p.values[static_cast<std::size_t>(k * volume(grid.shape)) + image_index(grid, {z, y, x})];
          worst = std::max(worst, std::abs(static_cast<double>(got) - expected));
        }
      }
  EXPECT_LE(worst, 2e-6);
  check_memory(logits, grid, labels, p);
}

TEST(V2Restore, SameGrid) {
  check(4, {5, 6, 7}, {{1, 2, 0}, {6, 8, 7}, {8, 9, 7}, {}, {0, 1, 2}, label_spec(4)});
}
TEST(V2Restore, LinearInDouble) {
  check(4, {5, 6, 7}, {{1, 2, 3}, {9, 13, 13}, {10, 16, 14}, {}, {0, 1, 2}, label_spec(4)});
  check(4, {9, 12, 11}, {{1, 0, 2}, {5, 7, 10}, {6, 8, 12}, {}, {0, 1, 2}, label_spec(4)});
  check(4, {5, 6, 37}, {{0, 0, 0}, {5, 6, 75}, {5, 6, 75}, {}, {0, 1, 2}, label_spec(4)});
  check(4, {5, 6, 7}, {{0, 0, 0}, {5, 12, 7}, {5, 12, 7}, {}, {0, 1, 2}, label_spec(4)});
}
TEST(V2Restore, TiesAfterRoundingFallToTheFirst) {
  // Twice the size: weights of a quarter meet the middle between two numbers of float16.
  check(3, {4, 8, 16}, {{0, 0, 0}, {8, 16, 32}, {8, 16, 32}, {}, {0, 1, 2}, label_spec(3)}, 1.0 / 512);
  check(3, {6, 6, 6}, {{0, 0, 0}, {6, 12, 12}, {6, 12, 12}, {}, {0, 1, 2}, label_spec(3)}, 1.0);
}
TEST(V2Restore, ManyClassesOfWhichFewAreClose) {
  // Fine steps: at some voxels the two largest are one number in float16 and others in double, at most they are apart.
  check(60, {2, 6, 70}, {{0, 0, 0}, {2, 11, 131}, {2, 11, 131}, {}, {0, 1, 2}, label_spec(60)}, 1.0 / 1024);
  check(60, {3, 4, 70}, {{0, 0, 0}, {5, 7, 64}, {5, 7, 64}, {}, {0, 1, 2}, label_spec(60)}, 1.0 / 1024);
}
TEST(V2Restore, AnAxisApart) {
  for (const int axis : {0, 1, 2})
    for (const int order_across : {0, 1})
      check(4, {5, 6, 7},
            {{1, 2, 3},
             {12, 13, 13},
             {12, 16, 14},
             {.order_across = order_across, .separate_axis = axis},
             {0, 1, 2},
             label_spec(4)});
}
TEST(V2Restore, NearestNeighbour) {
  check(4, {5, 6, 7}, {{1, 2, 3}, {12, 13, 13}, {12, 16, 14}, {.order = 0}, {0, 1, 2}, label_spec(4)});
}
TEST(V2Restore, AsTorch) {
  const LogitResampling torch{.method = Resampler::torch};
  check(4, {5, 6, 7}, {{1, 2, 3}, {12, 13, 13}, {12, 16, 14}, torch, {0, 1, 2}, label_spec(4)});
  check(4, {5, 6, 7}, {{1, 2, 3}, {6, 8, 10}, {7, 9, 10}, torch, {0, 1, 2}, label_spec(4)});
  check(4, {5, 6, 7},
        {{1, 2, 3},
         {12, 13, 13},
         {12, 16, 14},
         {.method = Resampler::torch, .separate_axis = 0},
         {0, 1, 2},
         label_spec(4)});
}
TEST(V2Restore, TransposedAxes) {
  for (const std::array<int, 3> transpose : {std::array{2, 0, 1}, std::array{1, 2, 0}, std::array{1, 0, 2}}) {
    check(4, {5, 6, 7}, {{1, 2, 3}, {9, 13, 13}, {10, 16, 14}, {}, transpose, label_spec(4)});
    check(3, {5, 6, 7}, {{1, 2, 3}, {9, 13, 13}, {10, 16, 14}, {}, transpose, region_spec()});
  }
}
TEST(V2Restore, Regions) {
  check(3, {5, 6, 7}, {{1, 2, 0}, {6, 8, 7}, {8, 9, 7}, {}, {0, 1, 2}, region_spec()});
  check(3, {5, 6, 7}, {{1, 2, 3}, {9, 13, 13}, {10, 16, 14}, {}, {0, 1, 2}, region_spec()});
}
TEST(V2Restore, WideLabels) {
  check(256, {2, 3, 4}, {{1, 1, 0}, {4, 5, 7}, {5, 6, 8}, {}, {0, 1, 2}, label_spec(256)});
  check(700, {2, 3, 4}, {{1, 1, 0}, {4, 5, 7}, {5, 6, 8}, {}, {1, 2, 0}, label_spec(700)});
  RestoreSink sink("case", {{0, 0, 0}, {1, 1, 1}, {1, 1, 1}, {}, {0, 1, 2}, label_spec(255)}, true);
  EXPECT_FALSE(sink.has_wide_labels());
}

TEST(V2Restore, RefusesWhatDoesNotFit) {
  const auto begin = [](std::int64_t classes, const Shape3& shape, const OriginalGrid& grid) {
    RestoreSink("case", grid, true).begin(classes, shape);
  };
  const OriginalGrid grid{{0, 0, 0}, {4, 4, 4}, {4, 4, 4}, {}, {0, 1, 2}, label_spec(4)};
  EXPECT_NO_THROW(begin(4, {2, 2, 2}, grid));
  EXPECT_THROW(begin(5, {2, 2, 2}, grid), Error);
  OriginalGrid changed = grid;
  changed.resampling.method = Resampler::none;
  EXPECT_NO_THROW(begin(4, {4, 4, 4}, changed));
  EXPECT_THROW(begin(4, {2, 2, 2}, changed), Error);
  changed = grid;
  changed.resampling.order = 3;
  EXPECT_THROW(begin(4, {2, 2, 2}, changed), Error);
  changed = grid;
  changed.labels = region_spec();
  EXPECT_THROW(begin(4, {2, 2, 2}, changed), Error);
}

}  // namespace
}  // namespace nnunet
