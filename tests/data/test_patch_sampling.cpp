#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>

#include "chi_squared.h"
#include "nnunet/core/error.h"
#include "nnunet/data/patch_sampling.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

using nlohmann::json;
using test::expect_drawn_from;
using test::expect_evenly_drawn;

json geometry() {
  std::ifstream in(test::reference_file("reference-v2/run/geometry.json"));
  return json::parse(in);
}

Shape3 box_of(const json& sizes) {
  return patch_box(sizes.get<std::vector<std::int64_t>>());
}

/// (y,x) of a 2D network's box has the slice in front.
Shape3 corner_of(const json& numbers) {
  return {numbers.at(0), numbers.at(1), numbers.at(2)};
}

TEST(PatchGeometry, InitialPatchesAreTheReferences) {
  const json all = geometry().at("initial_patch");
  ASSERT_GT(all.size(), 10U);
  for (const json& one : all) {
    const auto patch = one.at("patch").get<std::vector<std::int64_t>>();
    const RotationRule rule = rotation_rule(patch);
    EXPECT_EQ(rule.dummy_2d, one.at("dummy_2d").get<bool>()) << one;
    EXPECT_DOUBLE_EQ(rule.angle, one.at("rotation_degrees").get<double>() / 180 * std::numbers::pi) << one;
    EXPECT_EQ(initial_patch(patch, rule), box_of(one.at("initial"))) << one;
    EXPECT_EQ(initial_patch(patch, rule, kDa5Room), box_of(one.at("initial_da5"))) << one;
    EXPECT_EQ(rule.mirrored, (std::array<bool, 3>{patch.size() == 3, true, true}));
  }
}

TEST(PatchGeometry, PlanesAreNeverAloneWhereThatIsNotWanted) {
  const RotationRule rule = rotation_rule({16, 320, 256}, false);
  EXPECT_FALSE(rule.dummy_2d);
  EXPECT_DOUBLE_EQ(rule.angle, std::numbers::pi / 6);
  EXPECT_GT(initial_patch({16, 320, 256}, rule)[0], 100);
}

TEST(PatchGeometry, ForcedElementsAreTheReferences) {
  for (const json& one : geometry().at("oversample")) {
    const auto forced = one.at("forced").get<std::vector<bool>>();
    for (std::size_t i = 0; i < forced.size(); ++i)
      EXPECT_EQ(is_forced(static_cast<std::int64_t>(i), one.at("batch"), 0.33), forced[i]) << one;
  }
}

TEST(PatchGeometry, PartsOfABatchAreTheReferences) {
  for (const json& one : geometry().at("ddp")) {
    const std::int64_t batch = one.at("batch");
    const int ranks = one.at("ranks");
    std::int64_t first = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const auto i = static_cast<std::size_t>(rank);
      const BatchPart part = batch_part(batch, ranks, rank, 0.33);
      EXPECT_EQ(part, (BatchPart{first, one.at("batch_per_rank").at(i), one.at("oversample_per_rank").at(i)})) << one;
      for (std::int64_t k = 0; k < part.size; ++k)  // the parts force what the whole batch does
        EXPECT_EQ(is_forced(k, part.size, part.forced_share), is_forced(first + k, batch, 0.33)) << one;
      first += part.size;
    }
  }
  EXPECT_EQ(batch_part(5, 1, 0, 0.25), (BatchPart{0, 5, 0.25}));
  EXPECT_THROW(batch_part(2, 3, 0, 0.33), Error);
  EXPECT_THROW(batch_part(4, 2, 2, 0.33), Error);
}

TEST(PatchGeometry, BoundsAndForcedCornersAreTheReferences) {
  for (const json& one : geometry().at("bbox")) {
    const Shape3 initial = box_of(one.at("initial"));
    const StartRange range = start_range(initial, box_of(one.at("final")), corner_of(one.at("image")));
    EXPECT_EQ(range.lower, corner_of(one.at("lower_bound"))) << one;
    EXPECT_EQ(range.upper, corner_of(one.at("upper_bound"))) << one;
    for (const json& forced : one.at("forced")) {
      const auto voxel = forced.at("voxel").get<std::array<std::int32_t, 3>>();
      EXPECT_EQ(start_around(voxel, initial, range.lower), corner_of(forced.at("lower"))) << one;
    }
  }
}

using Voxels = std::vector<std::array<std::int32_t, 3>>;

/// Three classes: two voxels, none, three; then the annotated ones.
struct PlacedCase {
  std::vector<Voxels> voxels{{{3, 4, 5}, {9, 2, 1}}, {}, {{0, 0, 0}, {7, 7, 7}, {11, 12, 13}}};
  TrainingCase view{.size = {12, 13, 14}};
  PatchPlacing placing{.initial = {6, 8, 6}, .final = {4, 4, 4}};

  Shape3 draw(bool forced, std::uint32_t sample) {
    view.locations.assign(voxels.begin(), voxels.end());
    CounterRng rng(5, 1, sample, 2);
    return draw_patch_start(view, placing, forced, rng);
  }
  /// How often patches lie around each of these voxels; anywhere else fails.
  std::vector<std::int64_t> around(const Voxels& expected, bool forced) {
    const Shape3 lower = start_range(placing.initial, placing.final, view.size).lower;
    std::map<Shape3, std::size_t> known;
    for (const auto& voxel : expected) known.emplace(start_around(voxel, placing.initial, lower), known.size());
    std::vector<std::int64_t> counts(expected.size());
    for (std::uint32_t sample = 0; sample < 100000; ++sample) ++counts.at(known.at(draw(forced, sample)));
    return counts;
  }
};

TEST(PatchPlace, AnywhereIsEvenOverTheBounds) {
  PlacedCase c;
  const StartRange range = start_range(c.placing.initial, c.placing.final, c.view.size);
  std::array<std::vector<std::int64_t>, 3> counts;
  for (std::size_t axis = 0; axis < 3; ++axis)
    counts[axis].resize(static_cast<std::size_t>(range.upper[axis] - range.lower[axis] + 1));
  for (std::uint32_t sample = 0; sample < 100000; ++sample) {
    const Shape3 start = c.draw(false, sample);
    for (std::size_t axis = 0; axis < 3; ++axis)
      ++counts[axis].at(static_cast<std::size_t>(start[axis] - range.lower[axis]));
  }
  for (const auto& axis : counts) expect_evenly_drawn(axis);
}

TEST(PatchPlace, ForcedIsEvenOverClassesThenOverTheirVoxels) {
  PlacedCase c;
  const Voxels all{{3, 4, 5}, {9, 2, 1}, {0, 0, 0}, {7, 7, 7}, {11, 12, 13}};
  expect_drawn_from(c.around(all, true), {0.25, 0.25, 1. / 6, 1. / 6, 1. / 6});
}

TEST(PatchPlace, AnIgnoreLabelMakesTheOthersAnnotated) {
  PlacedCase c;
  c.placing.has_ignore_label = true;
  const Voxels annotated{{4, 4, 4}, {5, 8, 8}};
  c.voxels.push_back(annotated);
  expect_evenly_drawn(c.around(annotated, false));
  const Voxels classes{{3, 4, 5}, {9, 2, 1}, {0, 0, 0}, {7, 7, 7}, {11, 12, 13}};
  expect_drawn_from(c.around(classes, true), {0.25, 0.25, 1. / 6, 1. / 6, 1. / 6});
  c.voxels = {{}, {}, {}, annotated};
  expect_evenly_drawn(c.around(annotated, true));  // no class at all: annotated voxels rather than none
}

TEST(PatchPlace, AnywhereWithoutLocations) {
  PlacedCase c;
  for (const bool ignore : {false, true}) {
    for (const bool forced : {false, true}) {
      c.placing.has_ignore_label = ignore;
      c.voxels = {{}, {}};
      std::map<Shape3, int> seen;
      for (std::uint32_t sample = 0; sample < 1000; ++sample) ++seen[c.draw(forced, sample)];
      EXPECT_GT(seen.size(), 300U);
      c.voxels.clear();
      EXPECT_EQ(c.draw(forced, 3), c.draw(forced, 3));
    }
  }
}

TEST(PatchPlace, SlicesOfA2DNetwork) {
  PlacedCase c;
  c.placing = {.initial = patch_box({8, 6}), .final = patch_box({4, 4})};
  std::vector<std::int64_t> slices(12);
  for (std::uint32_t sample = 0; sample < 100000; ++sample)
    ++slices.at(static_cast<std::size_t>(c.draw(false, sample)[0]));
  expect_evenly_drawn(slices);
  for (std::uint32_t sample = 0; sample < 100; ++sample) {
    const std::int64_t slice = c.draw(true, sample)[0];
    EXPECT_TRUE(slice == 3 || slice == 9 || slice == 0 || slice == 7 || slice == 11) << slice;
  }
}

}  // namespace
}  // namespace nnunet
