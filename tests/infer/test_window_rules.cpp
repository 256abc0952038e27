#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "nnunet/infer/sliding_window.h"
#include "nnunet/infer/window_plan.h"
#include "reference/npz.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

SlidingWindowPlan v2_plan(Sizes patch) {
  SlidingWindowPlan plan;
  plan.patch = std::move(patch);
  plan.starts = StartRule::evenly_spread;
  plan.weights = WindowWeights::filtered_impulse;
  return plan;
}

TEST(WindowStarts, EvenlySpreadAsInTheReference) {
  NNUNET_NEEDS_SHARED("reference-v2/run");
  std::ifstream in(test::shared_dir() / "reference-v2/run/geometry.json");
  int compared = 0;
  const auto all = nlohmann::json::parse(in);
  for (const auto& entry : all.at("steps")) {
    const auto image = entry.at("image").get<Sizes>(), patch = entry.at("patch").get<Sizes>();
    for (std::size_t a = 0; a < image.size(); ++a, ++compared)
      EXPECT_EQ(window_starts(image[a], patch[a], 1 - entry.at("step").get<double>(), StartRule::evenly_spread),
                entry.at("steps").at(a).get<Sizes>())
          << entry;
  }
  EXPECT_GT(compared, 20);
}

TEST(WindowStarts, AStepInDecimalsAddsNoWindow) {
  // 5 / (10 * 0.1): 1 - 0.9 is a little less than 0.1.
  EXPECT_EQ(window_starts(15, 10, 0.9, StartRule::evenly_spread), (Sizes{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(window_starts(16, 10, 0.7, StartRule::evenly_spread), (Sizes{0, 3, 6}));
}

TEST(WindowStarts, EverySliceOnce) {
  for (const StartRule rule : {StartRule::flush_last, StartRule::evenly_spread}) {
    SlidingWindowPlan plan = v2_plan({4, 4});
    plan.starts = rule;
    EXPECT_EQ(WindowPlan({5, 4, 6}, plan).grid[0], (Sizes{0, 1, 2, 3, 4}));
  }
}

TEST(WindowWeights, FilteredImpulseAsInTheReference) {
  NNUNET_NEEDS_SHARED("reference-v2/run");
  const test::Npz npz(test::shared_dir() / "reference-v2/run/sliding_window.npz");
  int compared = 0;
  for (const std::string& name : npz.names()) {
    if (!name.starts_with("gaussian_")) continue;
    Sizes patch;
    for (std::size_t at = 9; at < name.size(); ++at) {
      std::size_t used = 0;
      patch.push_back(std::stoll(name.substr(at), &used));
      at += used;
    }
    const Array<float> weights = window_weights(v2_plan(patch)), expected = npz.load<float>(name);
    const std::int64_t stride = weights.numel() >= 4000 ? 3 : 1;
    std::vector<float> sampled;
    const bool flat = patch.size() == 2;
    const Sizes size{flat ? 1 : patch[0], patch[patch.size() - 2], patch.back()};
    for (std::int64_t z = 0; z < size[0]; z += stride)
      for (std::int64_t y = 0; y < size[1]; y += stride)
        for (std::int64_t x = 0; x < size[2]; x += stride)
          sampled.push_back(weights.values[static_cast<std::size_t>((z * size[1] + y) * size[2] + x)]);
    EXPECT_EQ(sampled, expected.values) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
}

TEST(MirrorImages, FewerAxesFirstThenInTheirOrder) {
  SlidingWindowPlan plan = v2_plan({4, 4, 4});
  plan.mirror_axes = {0, 1, 2};
  EXPECT_EQ(mirror_images(plan), (std::vector<unsigned>{0}));
  plan.mirror = true;
  EXPECT_EQ(mirror_images(plan), (std::vector<unsigned>{0, 1, 2, 4, 3, 5, 6, 7}));
  plan.mirror_axes = {0, 2};
  EXPECT_EQ(mirror_images(plan), (std::vector<unsigned>{0, 1, 4, 5}));
  plan.patch = {4, 4};
  plan.mirror_axes = {0, 1};
  EXPECT_EQ(mirror_images(plan), (std::vector<unsigned>{0, 2, 4, 6}));
}

}  // namespace
}  // namespace nnunet
