#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "nnunet/core/random.h"
#include "nnunet/data/spatial_transform.h"
#include "reference/npz.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

using nlohmann::json;

/// A case that owns its voxels.
struct OwnedCase {
  Array<float> image;
  Array<std::int16_t> labels;  // (L,D,H,W)

  TrainingCase view() const {
    TrainingCase v{.image = image.data(), .channels = image.size(0), .size = image.spatial()};
    for (std::int64_t c = 0; c < labels.size(0); ++c) v.labels.push_back(labels.slab(c).data());
    return v;
  }
};

/// The image's and labels' values by their flat index over (channel, voxel).
OwnedCase formula_case(
    std::int64_t channels, std::int64_t maps, const Shape3& size,
    const std::function<int(std::int64_t map, std::int64_t z, std::int64_t y, std::int64_t x)>& label) {
  OwnedCase made{Array<float>({channels, size[0], size[1], size[2]}),
                 Array<std::int16_t>({maps, size[0], size[1], size[2]})};
  for (std::size_t i = 0; i < made.image.values.size(); ++i) {
    const auto n = static_cast<double>(i);
    made.image.values[i] = static_cast<float>(std::sin(0.37 * n) + 0.5 * std::cos(0.011 * n));
  }
  std::size_t i = 0;
  for (std::int64_t map = 0; map < maps; ++map)
    for (std::int64_t z = 0; z < size[0]; ++z)
      for (std::int64_t y = 0; y < size[1]; ++y)
        for (std::int64_t x = 0; x < size[2]; ++x)
          made.labels.values[i++] = static_cast<std::int16_t>(label(map, z, y, x));
  return made;
}

/// floor(classes * frac(0.618034 i i 0.001)) of the flat index.
int formula_label(int classes, std::int64_t i) {
  const auto n = static_cast<double>(i);
  const double value = 0.618034 * n * n * 0.001;
  return static_cast<int>(classes * (value - std::floor(value)));
}

TrainingPatch read_whole(const OwnedCase& from, const std::optional<SpatialTransform>& how, const PatchReading& reading,
                         const Shape3& patch) {
  const TrainingCase view = from.view();
  TrainingPatch to;
  SpatialScratch scratch;
  read_patch({view, {0, 0, 0}, view.size}, how, reading, patch, to, scratch);
  return to;
}

class SpatialReference : public ::testing::Test {
 protected:
  void SetUp() override {
    NNUNET_NEEDS_SHARED("reference-v2/run/augmentation.npz");
    std::ifstream in(test::shared_dir() / "reference-v2/run/augmentation.json");
    json_ = json::parse(in);
    npz_.emplace(test::shared_dir() / "reference-v2/run/augmentation.npz");
  }
  void expect_reference(const std::string& name, const TrainingPatch& patch) const {
    const auto image = npz_->load<float>("spatial_" + name + "_image");
    const auto labels = npz_->load<std::int16_t>("spatial_" + name + "_label");
    ASSERT_EQ(image.values.size(), patch.image.values.size()) << name;
    ASSERT_EQ(labels.values.size(), patch.labels.values.size()) << name;
    float worst = 0;
    for (std::size_t i = 0; i < image.values.size(); ++i)
      worst = std::max(worst, std::abs(image.values[i] - patch.image.values[i]));
    EXPECT_LE(worst, 1e-5F) << name;
    std::size_t others = 0;
    for (std::size_t i = 0; i < labels.values.size(); ++i) others += labels.values[i] != patch.labels.values[i] ? 1 : 0;
    EXPECT_EQ(others, 0U) << name;
    RecordProperty("image_error_" + name, std::to_string(worst));
  }
  Shape3 size(const json& sizes) const {
    return sizes.size() == 2 ? Shape3{1, sizes.at(0), sizes.at(1)} : Shape3{sizes.at(0), sizes.at(1), sizes.at(2)};
  }

  json json_;
  std::optional<test::Npz> npz_;
};

TEST_F(SpatialReference, Volumes) {
  const Shape3 source = size(json_.at("spatial_source")), patch = size(json_.at("spatial_patch"));
  const OwnedCase from = formula_case(2, 2, source, [&](auto map, auto z, auto y, auto x) {
    return map == 0 ? static_cast<int>((3 * (z / 4) + 5 * (y / 4) + 7 * (x / 4)) % 4)
                    : formula_label(3, (z * source[1] + y) * source[2] + x);
  });
  for (const auto& [name, how] : json_.at("spatial").items()) {
    std::optional<SpatialTransform> transform;
    if (!how.at("angles").is_null()) {
      transform =
          SpatialTransform{how.at("angles").get<std::array<double, 3>>(), how.at("scale").get<std::array<double, 3>>()};
    }
    expect_reference(name, read_whole(from, transform, {}, patch));
  }
}

TEST_F(SpatialReference, Planes) {
  const PatchReading in_plane{.axes = Axes::InPlane};
  const json& flat = json_.at("spatial_2d");
  const Shape3 source = size(flat.at("source"));
  const OwnedCase image = formula_case(2, 2, source, [&](auto map, auto, auto y, auto x) {
    return map == 0 ? static_cast<int>((3 * (y / 4) + 5 * (x / 4)) % 4) : formula_label(2, y * source[2] + x);
  });
  const double scale = flat.at("scale");
  expect_reference("2d", read_whole(image, SpatialTransform{{flat.at("angle"), 0, 0}, {1, scale, scale}}, in_plane,
                                    size(flat.at("patch"))));

  const json& dummy = json_.at("spatial_dummy2d");
  const OwnedCase blocks = formula_case(2, 1, size(dummy.at("source")), [](auto, auto z, auto y, auto x) {
    return static_cast<int>((3 * (z / 4) + 5 * (y / 4) + 7 * (x / 4)) % 3);
  });
  const double s = dummy.at("scale");
  expect_reference("dummy2d", read_whole(blocks, SpatialTransform{{dummy.at("angle"), 0, 0}, {1, s, s}}, in_plane,
                                         size(dummy.at("patch"))));
}

// The contract's words in double precision, voxel by voxel, of a box copied out of the case.
struct PlainReader {
  const OwnedCase& from;
  Shape3 start{}, source{}, patch{};
  SpatialTransform how = {};
  bool in_plane = false;

  std::array<double, 3> position(const std::array<std::int64_t, 3>& q) const {
    const auto &a = how.angles, &s = how.scale;
    std::array<double, 3> v{};
    for (std::size_t i = 0; i < 3; ++i)
      v[i] = (static_cast<double>(q[i]) - static_cast<double>(patch[i] - 1) / 2) * s[i];
    v = {v[0], std::cos(a[0]) * v[1] - std::sin(a[0]) * v[2], std::sin(a[0]) * v[1] + std::cos(a[0]) * v[2]};
    v = {std::cos(a[1]) * v[0] + std::sin(a[1]) * v[2], v[1], -std::sin(a[1]) * v[0] + std::cos(a[1]) * v[2]};
    v = {std::cos(a[2]) * v[0] - std::sin(a[2]) * v[1], std::sin(a[2]) * v[0] + std::cos(a[2]) * v[1], v[2]};
    for (std::size_t i = 0; i < 3; ++i) v[i] += static_cast<double>(source[i] - 1) / 2;
    return v;
  }
  bool readable(const std::array<std::int64_t, 3>& i) const {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (i[axis] < 0 || i[axis] >= source[axis]) return false;
      if (i[axis] + start[axis] < 0 || i[axis] + start[axis] >= from.image.spatial()[axis]) return false;
    }
    return true;
  }
  template <class T>
  double value(const Array<T>& of, std::int64_t channel, const std::array<std::int64_t, 3>& i, double outside) const {
    if (!readable(i)) return outside;
    const Shape3 size = of.spatial();
    const std::int64_t flat = ((i[0] + start[0]) * size[1] + i[1] + start[1]) * size[2] + i[2] + start[2];
    return static_cast<double>(of.slab(channel)[static_cast<std::size_t>(flat)]);
  }
  /// body(neighbour, weight).
  void neighbours(const std::array<std::int64_t, 3>& q,
                  const std::function<void(const std::array<std::int64_t, 3>&, double)>& body) const {
    const auto p = position(q);
    for (int corner = 0; corner < 8; ++corner) {
      std::array<std::int64_t, 3> i{};
      double weight = 1;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const double low = std::floor(p[axis]);
        const bool second = (corner >> axis & 1) != 0;
        i[axis] = static_cast<std::int64_t>(low) + (second ? 1 : 0);
        weight *= second ? p[axis] - low : 1 - (p[axis] - low);
      }
      body(i, weight);
    }
  }
  double image(std::int64_t channel, const std::array<std::int64_t, 3>& q) const {
    double sum = 0;
    neighbours(q, [&](const auto& i, double weight) { sum += weight * value(from.image, channel, i, 0); });
    return sum;
  }
  /// The shares of the labels around.
  std::map<int, double> scores(std::int64_t map, const std::array<std::int64_t, 3>& q) const {
    std::map<int, double> sums;
    neighbours(q,
               [&](const auto& i, double weight) { sums[static_cast<int>(value(from.labels, map, i, -1))] += weight; });
    return sums;
  }
  std::array<std::int64_t, 3> nearest(const std::array<std::int64_t, 3>& q) const {
    const auto p = position(q);
    return {std::llrint(p[0]), std::llrint(p[1]), std::llrint(p[2])};
  }
};

struct Compared {
  double worst = 0;
  std::int64_t decided = 0, others = 0, near_ties = 0;
};

/// Labels whose lead is too small for float16 to tell are only counted.
Compared compare(const PlainReader& plain, const TrainingPatch& made) {
  Compared result;
  std::size_t voxel = 0;
  const auto n = static_cast<std::size_t>(volume(plain.patch));
  for (std::int64_t z = 0; z < plain.patch[0]; ++z) {
    for (std::int64_t y = 0; y < plain.patch[1]; ++y) {
      for (std::int64_t x = 0; x < plain.patch[2]; ++x, ++voxel) {
        const std::array<std::int64_t, 3> q{z, y, x};
        for (std::int64_t c = 0; c < made.image.size(0); ++c)
          result.worst = std::max(
              result.worst, std::abs(plain.image(c, q) -
                                     static_cast<double>(made.image.values[static_cast<std::size_t>(c) * n + voxel])));
        for (std::int64_t map = 0; map < made.labels.size(0); ++map) {
          std::vector<std::pair<double, int>> order;
          for (const auto& [label, score] : plain.scores(map, q)) order.emplace_back(score, label);
          std::sort(order.rbegin(), order.rend());
          if (order.size() > 1 && order[0].first - order[1].first < 1e-3) {
            ++result.near_ties;
            continue;
          }
          ++result.decided;
          result.others += made.labels.values[static_cast<std::size_t>(map) * n + voxel] != order[0].second ? 1 : 0;
        }
      }
    }
  }
  return result;
}

OwnedCase blocks_case() {
  const Shape3 size{17, 21, 19};
  return formula_case(2, 2, size, [&](auto map, auto z, auto y, auto x) {
    return map == 0 ? static_cast<int>((3 * (z / 3) + 5 * (y / 4) + 7 * (x / 2)) % 5) - 1
                    : formula_label(3, (z * size[1] + y) * size[2] + x);
  });
}

TEST(SpatialTransform, IsThePlainOneWhereverThePatchLies) {
  const OwnedCase from = blocks_case();
  const TrainingCase view = from.view();
  TrainingPatch made;
  SpatialScratch scratch;
  std::int64_t decided = 0;
  for (std::uint32_t sample = 0; sample < 60; ++sample) {
    CounterRng rng(9, 0, sample);
    const bool in_plane = sample % 3 == 0;
    PlainReader plain{.from = from, .patch = {7, 9, 11}, .in_plane = in_plane};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      plain.source[axis] = plain.patch[axis] + (in_plane && axis == 0 ? 0 : rng.integer(8));
      plain.start[axis] = rng.integer(40) - 16;  // some reach beyond the volume, a few lie outside of it
      if (!in_plane || axis == 0) plain.how.angles[axis] = static_cast<double>(rng.uniform(-1.5F, 1.5F));
      if (!in_plane || axis > 0) plain.how.scale[axis] = static_cast<double>(rng.uniform(0.6F, 1.5F));
    }
    read_patch({view, plain.start, plain.source}, plain.how, {.axes = in_plane ? Axes::InPlane : Axes::Volume},
               plain.patch, made, scratch);
    const Compared result = compare(plain, made);
    EXPECT_LT(result.worst, 5e-5) << sample;
    EXPECT_EQ(result.others, 0) << sample;
    EXPECT_LT(result.near_ties, result.decided / 20 + 5) << sample;
    decided += result.decided;
  }
  EXPECT_GT(decided, 60 * 2 * 7 * 9 * 11 * 9 / 10);
}

TEST(SpatialTransform, NearestVoxels) {
  const OwnedCase from = blocks_case();
  const TrainingCase view = from.view();
  TrainingPatch made;
  SpatialScratch scratch;
  for (const Axes axes : {Axes::Volume, Axes::InPlane}) {
    PlainReader plain{.from = from, .start = {-2, 4, 1}, .source = {8, 12, 17}, .patch = {8, 9, 11}};
    plain.how = {{0.3, axes == Axes::Volume ? -0.7 : 0, axes == Axes::Volume ? 0.2 : 0},
                 {axes == Axes::Volume ? 0.9 : 1, 1.1, 1.3}};
    read_patch({view, plain.start, plain.source}, plain.how,
               {axes, PatchInterpolation::nearest, PatchInterpolation::nearest}, plain.patch, made, scratch);
    std::size_t voxel = 0;
    for (std::int64_t z = 0; z < 8; ++z) {
      for (std::int64_t y = 0; y < 9; ++y) {
        for (std::int64_t x = 0; x < 11; ++x, ++voxel) {
          const auto i = plain.nearest({z, y, x});
          ASSERT_EQ(made.image.values[voxel], static_cast<float>(plain.value(from.image, 0, i, 0)));
          ASSERT_EQ(made.labels.values[voxel], static_cast<std::int16_t>(plain.value(from.labels, 0, i, -1)));
        }
      }
    }
  }
}

// In the middle between two labels their scores are the same, so the nearest voxel decides, half to even.
TEST(SpatialTransform, TiesGoToTheNearestVoxel) {
  for (const auto& [width, nearest] : {std::pair{8, 4}, std::pair{6, 2}}) {  // x = 3.5 and 2.5
    const OwnedCase from = formula_case(1, 2, {3, 3, width}, [](auto map, auto, auto, auto x) {
      return map == 0 ? static_cast<int>(1 - x % 2) : static_cast<int>(x);
    });
    const TrainingPatch made = read_whole(from, SpatialTransform{}, {}, {1, 1, 1});
    EXPECT_EQ(made.labels.slab(0)[0], 1);
    EXPECT_EQ(made.labels.slab(1)[0], nearest);
  }
}

TEST(SpatialTransform, TiesOfOthersThanTheNearestGoToTheLowestLabel) {
  OwnedCase from = formula_case(1, 1, {2, 2, 2}, [](auto, auto, auto, auto) { return 0; });
  from.labels.values = {9, 7, 4, 7, 4, 1, 7, 4};
  EXPECT_EQ(read_whole(from, SpatialTransform{}, {}, {1, 1, 1}).labels.values[0], 4);
  from.labels.values = {7, 9, 4, 7, 4, 1, 7, 4};
  EXPECT_EQ(read_whole(from, SpatialTransform{}, {}, {1, 1, 1}).labels.values[0], 7);
}

TEST(SpatialTransform, WithoutOneThePatchIsTheMiddle) {
  const OwnedCase from = blocks_case();
  const TrainingCase view = from.view();
  TrainingPatch made;
  SpatialScratch scratch;
  const Shape3 patch{6, 5, 8};
  for (const Shape3 start :
       {Shape3{2, 3, 4}, Shape3{-4, 15, -9}, Shape3{-20, 0, 0}, Shape3{0, 0, 19}, Shape3{16, -9, -14}}) {
    for (const Shape3 size : {Shape3{9, 8, 11}, patch}) {
      read_patch({view, start, size}, std::nullopt, {}, patch, made, scratch);
      const PlainReader plain{.from = from, .start = start, .source = size, .patch = patch};
      std::size_t voxel = 0;
      for (std::int64_t c = 0; c < 2; ++c) {
        for (std::int64_t z = 0; z < 6; ++z) {
          for (std::int64_t y = 0; y < 5; ++y) {
            for (std::int64_t x = 0; x < 8; ++x, ++voxel) {
              const std::array<std::int64_t, 3> i{z + size[0] / 2 - 3, y + size[1] / 2 - 2, x + size[2] / 2 - 4};
              ASSERT_EQ(made.image.values[voxel], static_cast<float>(plain.value(from.image, c, i, 0)));
              ASSERT_EQ(made.labels.values[voxel], static_cast<std::int16_t>(plain.value(from.labels, c, i, -1)));
            }
          }
        }
      }
    }
  }
}

TEST(Turns, QuartersAreTorchsRot90) {
  TrainingPatch patch, scratch;
  patch.image = Array<float>({1, 1, 2, 2});
  patch.labels = Array<std::int16_t>({1, 1, 2, 2});
  const auto turned = [&](int k) {
    patch.image.values = {0, 1, 2, 3};
    patch.labels.values = {0, 1, 2, 3};
    turn_patch(quarter_turns(k, 1, 2), patch, scratch);
    EXPECT_TRUE(std::equal(patch.image.values.begin(), patch.image.values.end(), patch.labels.values.begin()));
    return patch.image.values;
  };
  EXPECT_EQ(turned(0), (std::vector<float>{0, 1, 2, 3}));
  EXPECT_EQ(turned(1), (std::vector<float>{1, 3, 0, 2}));
  EXPECT_EQ(turned(2), (std::vector<float>{3, 2, 1, 0}));
  EXPECT_EQ(turned(3), (std::vector<float>{2, 0, 3, 1}));
}

TEST(Turns, AllAxes) {
  TrainingPatch patch, scratch;
  patch.image = Array<float>({2, 2, 3, 2});
  patch.labels = Array<std::int16_t>({1, 2, 3, 2});
  for (std::size_t i = 0; i < patch.image.values.size(); ++i) patch.image.values[i] = static_cast<float>(i);
  const Array<float> before = patch.image;
  turn_patch({{2, 1, 0}, {true, false, true}}, patch, scratch);
  EXPECT_EQ(patch.image.shape, before.shape);
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t z = 0; z < 2; ++z)
      for (std::int64_t y = 0; y < 3; ++y)
        for (std::int64_t x = 0; x < 2; ++x)
          EXPECT_EQ(patch.image.values[static_cast<std::size_t>(((c * 2 + z) * 3 + y) * 2 + x)],
                    before.values[static_cast<std::size_t>(((c * 2 + 1 - x) * 3 + y) * 2 + 1 - z)]);
}

}  // namespace
}  // namespace nnunet
