#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "message_of.h"
#include "nnunet/plan/plan.h"

namespace nnunet {
namespace {

using test::message_of;
using Levels = std::vector<std::vector<std::int64_t>>;

NetworkPlan plan_of(const std::vector<std::int64_t>& patch, const std::vector<double>& spacing,
                    const NetworkOptions& options = {}) {
  return make_network_plan(patch, spacing, 1, 3, options);
}

TEST(NetworkPlan, IsotropicPatch) {
  const NetworkPlan plan = plan_of({40, 56, 40}, {1, 1, 1});
  EXPECT_EQ(plan.dim, 3);
  EXPECT_EQ(plan.strides, (Levels{{1, 1, 1}, {2, 2, 2}, {2, 2, 2}, {2, 2, 2}}));
  EXPECT_EQ(plan.kernels, Levels(4, {3, 3, 3}));
  EXPECT_EQ(plan.filters, (std::vector<std::int64_t>{32, 64, 128, 256}));
  EXPECT_EQ(total_stride(plan), (std::vector<std::int64_t>{8, 8, 8}));
}

TEST(NetworkPlan, AnisotropicPatchOfTheProstate) {
  const NetworkPlan plan = plan_of({20, 320, 256}, {3.6, 0.62, 0.62});
  EXPECT_EQ(plan.strides, (Levels{{1, 1, 1}, {1, 2, 2}, {1, 2, 2}, {2, 2, 2}, {2, 2, 2}, {1, 2, 2}}));
  EXPECT_EQ(plan.kernels, (Levels{{1, 3, 3}, {1, 3, 3}, {3, 3, 3}, {3, 3, 3}, {3, 3, 3}, {3, 3, 3}}));
  EXPECT_EQ(plan.filters, (std::vector<std::int64_t>{32, 64, 128, 256, 320, 320}));
}

TEST(NetworkPlan, EveryPatchOfTheTaskTableFits) {
  const std::vector<std::pair<std::vector<std::int64_t>, std::vector<double>>> tasks{
      {{128, 128, 128}, {1, 1, 1}},
      {{80, 192, 160}, {1.37, 1.25, 1.25}},
      {{128, 128, 128}, {1, 0.7676, 0.7676}},
      {{40, 56, 40}, {1, 1, 1}},
      {{20, 320, 256}, {3.6, 0.62, 0.62}},
      {{80, 192, 160}, {1.24, 0.79, 0.79}},
      {{40, 224, 224}, {2.5, 0.8, 0.8}},
      {{64, 192, 192}, {1.5, 0.8, 0.8}},
      {{64, 192, 160}, {1.6, 0.79, 0.79}},
      {{56, 192, 160}, {3, 0.78, 0.78}},
      {{192, 160}, {1, 1}},
      {{320, 256}, {1.25, 1.25}},
      {{512, 512}, {0.8, 0.8}},
      {{56, 40}, {1, 1}},
      {{320, 320}, {0.62, 0.62}}};
  for (const auto& [patch, spacing] : tasks) EXPECT_NO_THROW(plan_of(patch, spacing)) << patch[0];
}

TEST(NetworkPlan, PlanarNetworksTakeTheLastSpacingsAndUpTo512Filters) {
  const NetworkPlan plan = plan_of({512, 512}, {5.0, 0.8, 0.8});
  EXPECT_EQ(plan.dim, 2);
  EXPECT_EQ(plan.filters, (std::vector<std::int64_t>{32, 64, 128, 256, 512, 512}));
  EXPECT_EQ(plan.kernels, Levels(6, {3, 3}));
}

TEST(NetworkPlan, FractionsOfSizesAreKept) {
  // 30 -> 15 -> 7.5: below 8, so no third halving; with the 15 rounded up to 16 there would be one.
  EXPECT_THROW(plan_of({30, 32}, {1, 1}), Error);  // 30 is no multiple of 4
  const NetworkPlan plan = plan_of({32, 30}, {1, 1}, {.depth = 1});
  EXPECT_EQ(plan.strides, (Levels{{1, 1}, {2, 2}}));
}

TEST(NetworkPlan, Options) {
  NetworkOptions options;
  options.depth = 2;
  EXPECT_EQ(plan_of({64, 64}, {1, 1}, options).strides.size(), 3u);
  options.depth = 5;
  options.min_fmap = 16;
  EXPECT_EQ(plan_of({64, 64}, {1, 1}, options).strides.size(), 3u);
  options.filters = {8, 16, 24};
  options.norm = Norm::batch;
  options.residual = true;
  options.negative_slope = 0.2;
  const NetworkPlan plan = plan_of({64, 64}, {1, 1}, options);
  EXPECT_EQ(plan.filters, options.filters);
  EXPECT_EQ(plan.norm, Norm::batch);
  EXPECT_TRUE(plan.residual);
  EXPECT_EQ(plan.negative_slope, 0.2);
}

TEST(NetworkPlan, RefusesWhatNoNetworkFits) {
  const std::vector<double> iso{1, 1, 1};
  EXPECT_NE(message_of([&] { plan_of({32}, iso); }).find("patch size"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({32, 32, 32, 32}, {1, 1, 1, 1}); }).find("patch size"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({32, 32, 0}, iso); }).find("32x32x0 is not positive"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({32, -4, 32}, iso); }).find("not positive"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({32, 32, 32}, {1, 1}); }).find("spacing"), std::string::npos);
  for (const double bad :
       {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    EXPECT_NE(message_of([&] { plan_of({32, 32, 32}, {1, bad, 1}); }).find("spacing"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({7, 7, 7}, iso); }).find("too small"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({40, 56, 41}, iso); }).find("8x8x8"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({32, 32}, iso, {.filters = {8, 8}}); }).find("--filters"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({16, 16}, iso, {.filters = {8, 0, 8}}); }).find("filters"), std::string::npos);
  EXPECT_NE(message_of([&] {
              plan_of({16, 16}, iso, {.norm = Norm::group, .filters = {32, 48, 64}});
            }).find("48"),
            std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({16, 16}, iso, {.depth = 0}); }).find("--depth"), std::string::npos);
  EXPECT_NE(message_of([&] { plan_of({16, 16}, iso, {.min_fmap = 0}); }).find("--min_fmap"), std::string::npos);
  EXPECT_THROW(make_network_plan({16, 16}, iso, 0, 3, {}), Error);
  EXPECT_THROW(make_network_plan({16, 16}, iso, 1, 1, {}), Error);
}

TEST(NetworkPlan, JsonRoundTrip) {
  NetworkOptions options;
  options.norm = Norm::group;
  options.residual = true;
  options.negative_slope = 0.125;
  const NetworkPlan plan = plan_of({20, 320, 256}, {3.6, 0.62, 0.62}, options);
  EXPECT_EQ(plan_from_json(nlohmann::json::parse(plan_to_json(plan).dump()), "test"), plan);
}

TEST(NetworkPlan, RefusesBrokenJson) {
  const nlohmann::json good = plan_to_json(plan_of({16, 16}, {1, 1}));
  for (const auto& item : good.items()) {
    nlohmann::json missing = good, wrong = good;
    missing.erase(item.key());
    wrong[item.key()] = nlohmann::json::object();
    EXPECT_NE(message_of([&] { plan_from_json(missing, "plan.json"); }).find("plan.json"), std::string::npos)
        << item.key();
    EXPECT_NE(message_of([&] { plan_from_json(wrong, "plan.json"); }).find("plan.json"), std::string::npos)
        << item.key();
  }
  const auto refused = [&](const std::string& key, const nlohmann::json& value) {
    nlohmann::json changed = good;
    changed[key] = value;
    return !message_of([&] { plan_from_json(changed, "plan.json"); }).empty();
  };
  EXPECT_TRUE(refused("dim", 4));
  EXPECT_TRUE(refused("dim", 3));
  EXPECT_TRUE(refused("in_channels", 0));
  EXPECT_TRUE(refused("n_class", 1));
  EXPECT_TRUE(refused("filters", {8}));
  EXPECT_TRUE(refused("filters", {8, 16, -1}));
  EXPECT_TRUE(refused("kernels", {{3, 3}, {3, 3}, {2, 3}}));
  EXPECT_TRUE(refused("strides", {{1, 1}, {2, 2}, {3, 2}}));
  EXPECT_TRUE(refused("strides", {{2, 1}, {2, 2}, {2, 2}}));
  EXPECT_TRUE(refused("strides", {{1, 1}, {2, 2}, {2}}));
  EXPECT_TRUE(refused("norm", "layer"));
  EXPECT_TRUE(message_of([] { plan_from_json(nlohmann::json::array(), "plan.json"); }).starts_with("plan.json"));
}

TEST(Norm, Names) {
  for (const Norm norm : {Norm::instance, Norm::batch, Norm::group}) EXPECT_EQ(norm_from_name(norm_name(norm)), norm);
  EXPECT_THROW(norm_from_name("layer"), Error);
}

}  // namespace
}  // namespace nnunet
