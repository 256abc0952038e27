#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "nnunet/data/augment.h"
#include "nnunet/data/augmentation.h"
#include "reference/npz.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

// A patch that owns its values: image (C,D,H,W), or (D,C,H,W) as a block of slices is laid out.
struct Patch {
  std::vector<float> image;
  std::vector<std::uint8_t> label;
  PatchView view;

  Patch(std::int64_t channels, const Shape3& size, bool slices = false)
      : image(static_cast<std::size_t>(channels * volume(size)), -7.0F),
        label(static_cast<std::size_t>(volume(size)), 77) {
    const std::int64_t plane = size[1] * size[2];
    view = {image.data(),
            label.data(),
            channels,
            size,
            slices ? plane : size[0] * plane,
            slices ? channels * plane : plane};
  }
};

struct Case {
  Array<float> image;
  Array<std::uint8_t> label;
  CaseView view() const { return {image.data(), label.data(), image.shape[0], image.spatial()}; }
};

Case wavy_case(std::int64_t channels, const Shape3& size) {
  Case made{Array<float>({channels, size[0], size[1], size[2]}), Array<std::uint8_t>({size[0], size[1], size[2]})};
  for (std::size_t i = 0; i < made.image.values.size(); ++i) {
    made.image.values[i] = std::sin(0.37F * static_cast<float>(i)) + 0.01F * static_cast<float>(i % 113);
  }
  for (std::size_t i = 0; i < made.label.values.size(); ++i) {
    made.label.values[i] = static_cast<std::uint8_t>(i * i % 5);
  }
  return made;
}

Case reference_case(const test::Npz& npz) {
  Case made{npz.load<float>("input"), npz.load<std::uint8_t>("label")};
  made.label.shape.erase(made.label.shape.begin());
  return made;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

const Shape3 kCorner = {0, 0, 0};
const std::array<bool, 3> kNoFlip = {false, false, false};

TEST(AugmentReference, Zoom) {
  const test::Npz npz(test::reference_file("reference/augmentation.npz"));
  const Case from = reference_case(npz);
  const auto crop = npz.load<std::int64_t>("zoom_crop").values;
  const Shape3 box = {crop[0], crop[1], crop[2]}, size = from.image.spatial();
  Patch to(1, size);
  AugmentScratch scratch;
  read_box(from.view(), {(size[0] - box[0]) / 2, (size[1] - box[1]) / 2, (size[2] - box[2]) / 2}, box, kNoFlip, to.view,
           scratch);
  EXPECT_LT(largest_difference(to.image, npz.load<float>("zoom_image_cubic").values), 1e-3F);
  EXPECT_EQ(to.label, npz.load<std::uint8_t>("zoom_label_nearest").values);
}

TEST(AugmentReference, Blur) {
  const test::Npz npz(test::reference_file("reference/augmentation.npz"));
  const Case from = reference_case(npz);
  for (const auto& [sigma, name] : {std::pair{0.5F, "0_5"}, {1.0F, "1_0"}, {1.5F, "1_5"}}) {
    Patch patch(1, from.image.spatial());
    patch.image = from.image.values;
    patch.view.image = patch.image.data();
    AugmentScratch scratch;
    blur(patch.view, sigma, Axes::Volume, scratch);
    const auto expected = npz.load<float>(std::string("blur_sigma_") + name).values;
    EXPECT_LT(largest_difference(patch.image, expected), 1e-5F) << sigma;  // asked for: 1e-3
  }
}

TEST(AugmentReference, Flip) {
  const test::Npz npz(test::reference_file("reference/augmentation.npz"));
  const Case from = reference_case(npz);
  Patch to(1, from.image.spatial());
  AugmentScratch scratch;
  read_box(from.view(), kCorner, to.view.size, {true, false, true}, to.view, scratch);
  EXPECT_EQ(to.image, npz.load<float>("flip_horizontal_depthwise").values);
}

TEST(ReadBox, PlainCropAndZeros) {
  const Case from = wavy_case(2, {5, 6, 7});
  const Shape3 start = {-2, 3, -1};
  Patch to(2, {9, 2, 9});
  AugmentScratch scratch;
  read_box(from.view(), start, to.view.size, kNoFlip, to.view, scratch);
  for (std::int64_t c = 0, i = 0; c < 2; ++c) {
    for (std::int64_t d = 0; d < 9; ++d) {
      for (std::int64_t h = 0; h < 2; ++h) {
        for (std::int64_t w = 0; w < 9; ++w, ++i) {
          const std::int64_t z = start[0] + d, y = start[1] + h, x = start[2] + w;
          const bool inside = z >= 0 && z < 5 && y >= 0 && y < 6 && x >= 0 && x < 7;
          const auto at = static_cast<std::size_t>(((c * 5 + z) * 6 + y) * 7 + x);
          ASSERT_EQ(to.image[static_cast<std::size_t>(i)], inside ? from.image.values[at] : 0.0F);
          if (c == 0) {
            ASSERT_EQ(to.label[static_cast<std::size_t>(i)], inside ? from.label.values[at] : 0);
          }
        }
      }
    }
  }
}

TEST(ReadBox, BoxOutsideTheVolumeIsZero) {
  const Case from = wavy_case(1, {4, 4, 4});
  Patch to(1, {2, 3, 3});
  AugmentScratch scratch;
  read_box(from.view(), {1, 1, 9}, to.view.size, kNoFlip, to.view, scratch);
  read_box(from.view(), {1, 1, -5}, to.view.size, kNoFlip, to.view, scratch);
  EXPECT_EQ(to.image, std::vector<float>(18, 0.0F));
  EXPECT_EQ(to.label, std::vector<std::uint8_t>(18, 0));
}

// Flipping while reading is the same as reading, then flipping, whatever else happens.
TEST(ReadBox, FlipCommutesWithZoom) {
  const Case from = wavy_case(2, {12, 13, 14});
  const Shape3 size = {10, 11, 12};
  for (const Shape3& box : {Shape3{10, 11, 12}, Shape3{7, 8, 9}, Shape3{10, 8, 9}}) {
    for (unsigned bits = 0; bits < 8; ++bits) {
      const std::array<bool, 3> flip = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
      Patch straight(2, size), flipped(2, size);
      AugmentScratch scratch;
      read_box(from.view(), {1, 1, 2}, box, kNoFlip, straight.view, scratch);
      read_box(from.view(), {1, 1, 2}, box, flip, flipped.view, scratch);
      for (std::int64_t c = 0, i = 0; c < 2; ++c) {
        for (std::int64_t d = 0; d < size[0]; ++d) {
          for (std::int64_t h = 0; h < size[1]; ++h) {
            for (std::int64_t w = 0; w < size[2]; ++w, ++i) {
              const std::int64_t z = flip[0] ? size[0] - 1 - d : d, y = flip[1] ? size[1] - 1 - h : h;
              const std::int64_t x = flip[2] ? size[2] - 1 - w : w;
              const auto at = static_cast<std::size_t>(((c * size[0] + z) * size[1] + y) * size[2] + x);
              ASSERT_NEAR(flipped.image[static_cast<std::size_t>(i)], straight.image[at], 1e-5F);
              if (c == 0) {
                ASSERT_EQ(flipped.label[static_cast<std::size_t>(i)], straight.label[at]);
              }
            }
          }
        }
      }
    }
  }
}

// Keys' kernel with a = -0.5 over the box, edges repeated: the plain sum over 64 neighbours.
double plain_zoom(const Case& from, std::int64_t c, const Shape3& start, const Shape3& box, const Shape3& patch,
                  const Shape3& at) {
  const auto kernel = [](double x) {
    x = std::abs(x);
    return x <= 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0.0;
  };
  const Shape3 size = from.image.spatial();
  std::array<std::array<double, 4>, 3> weight{};
  std::array<std::array<std::int64_t, 4>, 3> sample{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double position =
        (static_cast<double>(at[a]) + 0.5) * static_cast<double>(box[a]) / static_cast<double>(patch[a]) - 0.5;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto i = static_cast<std::int64_t>(std::floor(position)) - 1 + static_cast<std::int64_t>(k);
      weight[a][k] = kernel(position - static_cast<double>(i));
      sample[a][k] = start[a] + std::clamp<std::int64_t>(i, 0, box[a] - 1);
    }
  }
  double sum = 0;
  for (std::size_t z = 0; z < 4; ++z)
    for (std::size_t y = 0; y < 4; ++y)
      for (std::size_t x = 0; x < 4; ++x) {
        const std::int64_t voxel = ((c * size[0] + sample[0][z]) * size[1] + sample[1][y]) * size[2] + sample[2][x];
        sum += weight[0][z] * weight[1][y] * weight[2][x] *
               static_cast<double>(from.image.values[static_cast<std::size_t>(voxel)]);
      }
  return sum;
}

TEST(ReadBox, ZoomMatchesThePlainSum) {
  struct Sizes {
    Shape3 patch, box;
  };
  for (const auto& [patch, box] : {Sizes{{5, 7, 33}, {3, 5, 25}},
                                   {{1, 20, 17}, {1, 14, 12}},
                                   {{20, 3, 1}, {14, 2, 1}},
                                   {{4, 18, 35}, {4, 17, 25}}}) {
    const Case from = wavy_case(2, {patch[0] + 2, patch[1] + 3, patch[2] + 1});
    const Shape3 start{1, 2, 1};
    Patch to(2, patch);
    AugmentScratch scratch;
    read_box(from.view(), start, box, kNoFlip, to.view, scratch);
    for (std::int64_t c = 0, i = 0; c < 2; ++c)
      for (std::int64_t d = 0; d < patch[0]; ++d)
        for (std::int64_t h = 0; h < patch[1]; ++h)
          for (std::int64_t w = 0; w < patch[2]; ++w, ++i)
            ASSERT_NEAR(to.image[static_cast<std::size_t>(i)], plain_zoom(from, c, start, box, patch, {d, h, w}), 1e-5);
  }
}

TEST(ZoomBox, TruncatesAndCentres) {
  const ZoomBox box = zoom_box({40, 56, 40}, 0.8F, Axes::Volume);
  EXPECT_EQ(box.size, (Shape3{32, 44, 32}));
  EXPECT_EQ(box.offset, (Shape3{4, 6, 4}));
  EXPECT_EQ(zoom_box({5, 7, 9}, 0.7F, Axes::Volume).offset, (Shape3{1, 2, 2}));  // 2/2, 3/2 and 3/2 rounded up
  const ZoomBox flat = zoom_box({5, 7, 9}, 0.7F, Axes::InPlane);
  EXPECT_EQ(flat.size, (Shape3{5, 4, 6}));
  EXPECT_EQ(flat.offset[0], 0);
  EXPECT_EQ(zoom_box({1, 1, 1}, 0.7F, Axes::Volume).size, (Shape3{1, 1, 1}));
  EXPECT_EQ(zoom_box({40, 56, 40}, 1.0F, Axes::Volume).size, (Shape3{40, 56, 40}));
}

TEST(Noise, IsStandardNormal) {
  Patch patch(1, {50, 100, 100});
  std::fill(patch.image.begin(), patch.image.end(), 3.0F);
  add_noise(patch.view, 0.25F, {1, 2, 3, 4});
  double sum = 0, squares = 0, cubes = 0, fourths = 0, beside = 0;
  std::int64_t beyond = 0;
  const auto n = static_cast<double>(patch.image.size());
  double before = 0;
  for (const float value : patch.image) {
    const double x = (static_cast<double>(value) - 3) / 0.25;
    sum += x;
    squares += x * x;
    cubes += x * x * x;
    fourths += x * x * x * x;
    beside += x * before;
    before = x;
    beyond += std::abs(x) > 2 ? 1 : 0;
  }
  // Five standard errors of half a million draws.
  EXPECT_NEAR(sum / n, 0, 5 * std::sqrt(1 / n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(cubes / n, 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(fourths / n, 3, 5 * std::sqrt(96 / n));
  EXPECT_NEAR(beside / n, 0, 5 * std::sqrt(1 / n));
  EXPECT_NEAR(static_cast<double>(beyond) / n, 0.0455, 5 * std::sqrt(0.0455 / n));
}

TEST(Noise, DependsOnTheKeyAlone) {
  const auto noise = [](const NoiseKey& key, bool slices) {
    Patch patch(2, {3, 5, 7}, slices);
    std::fill(patch.image.begin(), patch.image.end(), 0.0F);
    add_noise(patch.view, 1.0F, key);
    std::vector<float> in_order;
    for (std::int64_t c = 0; c < 2; ++c) {
      for (std::int64_t d = 0; d < 3; ++d) {
        in_order.insert(in_order.end(), patch.view.plane(c, d), patch.view.plane(c, d) + 35);
      }
    }
    return in_order;
  };
  const auto first = noise({1, 2, 3, 4}, false);
  EXPECT_EQ(first, noise({1, 2, 3, 4}, true));
  EXPECT_NE(first, noise({2, 2, 3, 4}, false));
  EXPECT_NE(first, noise({1, 3, 3, 4}, false));
  EXPECT_NE(first, noise({1, 2, 4, 4}, false));
  EXPECT_NE(first, noise({1, 2, 3, 5}, false));
  EXPECT_NE(first, noise({1ULL << 40 | 1, 2, 3, 4}, false));
  EXPECT_FALSE(std::equal(first.begin(), first.begin() + 35, first.begin() + 35));  // planes differ
}

// Any window on any border, smaller volumes than the window included, against the plain definition.
TEST(Blur, MatchesThePlainDefinition) {
  for (const Shape3& size : {Shape3{7, 8, 9}, Shape3{1, 2, 3}, Shape3{3, 1, 20}}) {
    for (const float sigma : {0.5F, 0.9F, 1.2F, 1.5F, 2.5F}) {
      const Case from = wavy_case(1, size);
      std::vector<double> expected(from.image.values.begin(), from.image.values.end());
      const int radius = static_cast<int>(std::ceil(3 * sigma));
      const std::array<std::int64_t, 3> strides = {size[1] * size[2], size[2], 1};
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const auto before = expected;
        const std::int64_t n = size[axis];
        for (std::int64_t i = 0; i < volume(size); ++i) {
          const std::int64_t at = i / strides[axis] % n;
          double sum = 0, weights = 0;
          for (int k = -radius; k <= radius; ++k) {
            std::int64_t j = at + k;
            while (n > 1 && (j < 0 || j >= n)) j = j < 0 ? -j : 2 * (n - 1) - j;
            if (n == 1) j = 0;
            const double weight = std::exp(-0.5 * k * k / (static_cast<double>(sigma) * static_cast<double>(sigma)));
            sum += weight * before[static_cast<std::size_t>(i + (j - at) * strides[axis])];
            weights += weight;
          }
          expected[static_cast<std::size_t>(i)] = sum / weights;
        }
      }
      Patch patch(1, size);
      std::copy(from.image.values.begin(), from.image.values.end(), patch.image.begin());
      AugmentScratch scratch;
      blur(patch.view, sigma, Axes::Volume, scratch);
      for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(patch.image[i], expected[i], 1e-5) << sigma;
    }
  }
}

TEST(ScaleIntensity, BrightnessThenContrastWithinTheRange) {
  Patch patch(2, {3, 4, 5});
  for (std::size_t i = 0; i < patch.image.size(); ++i) patch.image[i] = static_cast<float>(i) / 10 - 2;
  const auto before = patch.image;
  const float low = before.front() * 1.2F, high = before.back() * 1.2F;
  scale_intensity(patch.view, 1.2F, 1.4F);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_FLOAT_EQ(patch.image[i], std::clamp(before[i] * 1.2F * 1.4F, low, high));
  }
  EXPECT_EQ(patch.image.front(), low);  // clamped over all channels together
  EXPECT_EQ(patch.image.back(), high);
}

TEST(ScaleIntensity, NothingToDo) {
  Patch patch(1, {2, 3, 5});
  patch.image[3] = 0.1F;
  const auto before = patch.image;
  scale_intensity(patch.view, 1, 1);
  EXPECT_EQ(patch.image, before);
  scale_intensity(patch.view, 2, 1);
  EXPECT_FLOAT_EQ(patch.image[3], 0.2F);
}

struct Tally {
  double rate = 0, low = 1e9, high = -1e9, mean = 0;
};

Tally tally(const std::vector<Augmentation>& draws, const std::function<float(const Augmentation&)>& value,
            float neutral) {
  Tally t;
  for (const auto& how : draws) {
    const float v = value(how);
    if (v == neutral) continue;
    t.rate += 1;
    t.mean += static_cast<double>(v);
    t.low = std::min(t.low, static_cast<double>(v));
    t.high = std::max(t.high, static_cast<double>(v));
  }
  t.mean /= t.rate;
  t.rate /= static_cast<double>(draws.size());
  return t;
}

TEST(DrawAugmentation, ProbabilitiesAndRanges) {
  std::vector<Augmentation> draws;
  for (std::uint32_t sample = 0; sample < 40000; ++sample) {
    CounterRng rng(5, 1, sample, 2);
    draws.push_back(draw_augmentation(reference_augmentation(), rng, Axes::Volume));
  }
  struct Operator {
    const char* name;
    float Augmentation::*field;
    float neutral;
    double low, high;
  };
  const Operator operators[] = {{"zoom", &Augmentation::zoom, 1, 0.7, 1},
                                {"noise", &Augmentation::noise_std, 0, 0, 0.33},
                                {"blur", &Augmentation::blur_sigma, 0, 0.5, 1.5},
                                {"brightness", &Augmentation::brightness, 1, 0.7, 1.3},
                                {"contrast", &Augmentation::contrast, 1, 0.65, 1.5}};
  for (const Operator& op : operators) {
    const Tally t = tally(
        draws, [&](const Augmentation& how) { return how.*op.field; }, op.neutral);
    const double width = op.high - op.low;
    EXPECT_NEAR(t.rate, 0.15, 0.009) << op.name;
    EXPECT_NEAR(t.mean, (op.low + op.high) / 2, 0.02 * width) << op.name;
    EXPECT_GE(t.low, op.low - 1e-6) << op.name;
    EXPECT_LE(t.high, op.high + 1e-6) << op.name;
    EXPECT_LT(t.low, op.low + 0.01 * width) << op.name;
    EXPECT_GT(t.high, op.high - 0.01 * width) << op.name;
  }
  double both = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double rate = 0;
    for (const auto& how : draws) rate += how.flip[axis] ? 1 : 0;
    EXPECT_NEAR(rate / 40000, 0.33, 0.012);
  }
  for (const auto& how : draws) both += how.flip[1] && how.noise_std > 0 ? 1 : 0;
  EXPECT_NEAR(both / 40000, 0.33 * 0.15, 0.006);  // independent coins
}

TEST(DrawAugmentation, InPlaneNeverFlipsTheDepth) {
  for (std::uint32_t sample = 0; sample < 200; ++sample) {
    CounterRng rng(5, 1, sample, 2);
    EXPECT_FALSE(draw_augmentation(reference_augmentation(), rng, Axes::InPlane).flip[0]);
  }
}

// In 2D every slice is treated alike and by itself: a block of slices equals its slices one by one.
TEST(Augment, InPlaneBlockEqualsItsSlices) {
  const Case from = wavy_case(2, {6, 20, 22});
  Augmentation how;
  how.zoom = 0.75F;
  how.flip = {false, true, true};
  how.blur_sigma = 1.1F;
  how.brightness = 0.9F;
  AugmentScratch scratch;
  Patch block(2, {4, 16, 18}, true);
  augment(from.view(), {1, 2, 3}, how, Axes::InPlane, {}, block.view, scratch);
  for (std::int64_t d = 0; d < 4; ++d) {
    Patch slice(2, {1, 16, 18}, true);
    augment(from.view(), {1 + d, 2, 3}, how, Axes::InPlane, {}, slice.view, scratch);
    const auto begin = block.image.begin() + d * 2 * 16 * 18;
    EXPECT_EQ(slice.image, std::vector<float>(begin, begin + 2L * 16 * 18));
    const auto labels = block.label.begin() + d * 16 * 18;
    EXPECT_EQ(slice.label, std::vector<std::uint8_t>(labels, labels + 16L * 18));
  }
}

// Plane by plane, or one operator after the other over the whole patch: the same values.
TEST(Augment, EqualsItsOperatorsOneByOne) {
  AugmentScratch scratch;
  const NoiseKey key{1, 2, 3, 4};
  for (const Shape3& size : {Shape3{5, 7, 19}, Shape3{1, 9, 33}, Shape3{9, 1, 1}}) {
    for (unsigned bits = 0; bits < 64; ++bits) {
      const auto with = [&](unsigned bit) { return (bits & bit) != 0; };
      const Axes axes = with(32) ? Axes::InPlane : Axes::Volume;
      const std::int64_t channels = with(1) ? 1 : 2;
      const Augmentation how{.zoom = with(2) ? 0.75F : 1,
                             .flip = {false, with(4), true},
                             .noise_std = with(4) ? 0.2F : 0,
                             .blur_sigma = with(8) ? 1.1F : 0,
                             .brightness = with(16) ? 1.1F : 1,
                             .contrast = with(2) ? 0.8F : 1};
      const Case from = wavy_case(channels, {size[0] + 2, size[1] + 3, size[2] + 1});
      Patch whole(channels, size), steps(channels, size);
      augment(from.view(), {1, 2, 0}, how, axes, key, whole.view, scratch);
      const ZoomBox box = zoom_box(size, how.zoom, axes);
      read_box(from.view(), {1 + box.offset[0], 2 + box.offset[1], box.offset[2]}, box.size, how.flip, steps.view,
               scratch);
      if (how.noise_std > 0) add_noise(steps.view, how.noise_std, key);
      if (how.blur_sigma > 0) blur(steps.view, how.blur_sigma, axes, scratch);
      scale_intensity(steps.view, how.brightness, how.contrast);
      ASSERT_EQ(whole.image, steps.image) << bits;
      ASSERT_EQ(whole.label, steps.label) << bits;
    }
  }
}

// Box-Muller over Philox words, one value after the other.
TEST(Noise, MatchesThePlainDefinition) {
  const NoiseKey key{99, 5, 6, 7};
  Patch patch(1, {2, 3, 100});  // planes of 300 values: one chunk of 256 and a part of another
  std::fill(patch.image.begin(), patch.image.end(), 0.0F);
  add_noise(patch.view, 1.0F, key);
  for (std::uint32_t i = 0; i < 600; ++i) {
    const std::uint32_t plane = i / 300, chunk = plane * 2 + i % 300 / 256, lane = i % 300 % 256;
    const std::uint32_t pair = lane / 128, second = lane / 64 % 2;  // words 0 and 1, or 2 and 3; cosine or sine
    const auto words = philox4x32({chunk * 64 + lane % 64, key.epoch, key.sample, key.stream},
                                  {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)});
    const double u = (words[2 * pair] >> 8) * 0x1p-24, v = (words[2 * pair + 1] >> 8) * 0x1p-24;
    const double radius = std::sqrt(-2 * std::log(1 - u)), angle = 2 * std::acos(-1.0) * (v - 0.5);
    ASSERT_NEAR(patch.image[i], radius * (second == 0 ? std::cos(angle) : std::sin(angle)), 2e-5) << i;
  }
}

TEST(Augment, AllOperatorsInTheReferencesOrder) {
  const Case from = wavy_case(1, {14, 15, 16});
  const Shape3 size = {10, 12, 12};
  const Augmentation how{.zoom = 0.8F,
                         .flip = {true, false, true},
                         .noise_std = 0.2F,
                         .blur_sigma = 0.7F,
                         .brightness = 1.1F,
                         .contrast = 1.3F};
  AugmentScratch scratch;
  Patch whole(1, size), steps(1, size);
  augment(from.view(), {1, 2, 3}, how, Axes::Volume, {1, 2, 3, 4}, whole.view, scratch);
  // zoom 0.8: box 8 x 9 x 9, offsets 1, 2, 2
  read_box(from.view(), {2, 4, 5}, {8, 9, 9}, how.flip, steps.view, scratch);
  add_noise(steps.view, how.noise_std, {1, 2, 3, 4});
  blur(steps.view, how.blur_sigma, Axes::Volume, scratch);
  scale_intensity(steps.view, how.brightness, 1);
  scale_intensity(steps.view, 1, how.contrast);
  EXPECT_LT(largest_difference(whole.image, steps.image), 1e-6F);
  EXPECT_EQ(whole.label, steps.label);
}

}  // namespace
}  // namespace nnunet
