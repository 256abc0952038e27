#include "nnunet/plan/v2_topology.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "reference/shared.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;
using Stages = std::vector<Sizes>;

TEST(V2Topology, AsNnUNets) {
  constexpr const char* kFile = "reference-v2/plan/functions.json";
  NNUNET_NEEDS_SHARED(kFile);
  const auto entries = nlohmann::json::parse(std::ifstream(test::shared_dir() / kFile)).at("topology");
  EXPECT_GE(entries.size(), 5U);
  for (const auto& entry : entries) {
    SCOPED_TRACE(entry.dump());
    const V2Topology topology =
        v2_topology(entry.at("spacing").get<std::vector<double>>(), entry.at("size").get<std::vector<double>>());
    EXPECT_EQ(topology.strides, entry.at("strides").get<Stages>());
    EXPECT_EQ(topology.kernels, entry.at("kernel_sizes").get<Stages>());
    EXPECT_EQ(topology.patch, entry.at("patch_size").get<Sizes>());
    EXPECT_EQ(topology.divisor, entry.at("must_be_divisible_by").get<Sizes>());
  }
}

TEST(V2Topology, OneAxisAloneNeedsTwelveVoxels) {
  EXPECT_EQ(v2_topology({1, 1}, {11, 7}).stages(), 1U);
  EXPECT_EQ(v2_topology({1, 1}, {12, 7}).stages(), 2U);
  EXPECT_EQ(v2_topology({1, 1}, {8, 8}).strides, (Stages{{1, 1}, {2, 2}}));
}

TEST(V2Topology, CoarseAxisWaitsAndFractionsAreRoundedUp) {
  const V2Topology topology = v2_topology({4, 1, 1}, {16.5, 64, 64});
  EXPECT_EQ(topology.strides, (Stages{{1, 1, 1}, {1, 2, 2}, {1, 2, 2}, {2, 2, 2}, {2, 2, 2}}));
  EXPECT_EQ(topology.kernels, (Stages{{1, 3, 3}, {1, 3, 3}, {3, 3, 3}, {3, 3, 3}, {3, 3, 3}}));
  EXPECT_EQ(topology.patch, (Sizes{20, 64, 64}));
}

TEST(V2Topology, FeatureMapsAreCounted) {
  const V2Topology topology = v2_topology({1, 1}, {8, 8});  // 64 voxels with 32 features, 16 with 64
  EXPECT_EQ(v2_features(6, 2), (Sizes{32, 64, 128, 256, 512, 512}));
  EXPECT_EQ(v2_features(6, 3), (Sizes{32, 64, 128, 256, 320, 320}));
  EXPECT_EQ(v2_encoder_blocks(5, true), (Sizes{1, 3, 4, 6, 6}));
  EXPECT_EQ(v2_encoder_blocks(2, true), (Sizes{1, 3}));
  EXPECT_EQ(v2_decoder_blocks(3, false), (Sizes{2, 2}));
  EXPECT_EQ(v2_feature_map_values(topology, false, 3), 2 * 32 * 64 + 2 * 64 * 16 + 3 * 32 * 64 + 3 * 64);
  EXPECT_EQ(v2_feature_map_values(topology, true, 3),
            32 * 64 + 2 * 32 * 64 + (2 * 3 + 1) * 64 * 16 + 2 * 32 * 64 + 3 * 64);
}

}  // namespace
}  // namespace nnunet
