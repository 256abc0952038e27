#include "nnunet/io/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expect_error.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;
using nlohmann::json;

namespace {

json minimal() {
  return {{"patch_size", {40, 56, 40}}, {"spacings", {1.0, 1.0, 1.0}}, {"n_class", 3}, {"in_channels", 1}};
}

/// The error of a config with one key changed (null: removed).
std::string error_with(const std::string& key, const json& value) {
  json object = minimal();
  if (value.is_null()) {
    object.erase(key);
  } else {
    object[key] = value;
  }
  return error_of([&] { (void)config_from_json(object, "config.json"); });
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

}  // namespace

TEST(Config, RequiredKeysAreEnough) {
  const DataConfig config = config_from_json(minimal(), "config.json");
  EXPECT_EQ(config.dim(), 3);
  EXPECT_EQ(config.patch_size, (std::vector<std::int64_t>{40, 56, 40}));
  EXPECT_EQ(config.n_class, 3);
  EXPECT_EQ(config.modality, "MRI");
  EXPECT_FALSE(config.ct.has_value());
  EXPECT_TRUE(config.cases.empty());
}

TEST(Config, RoundTripOfEverything) {
  const TempFolder folder;
  DataConfig config;
  config.patch_size = {20, 320};
  config.spacings = {0.1, 1.0 / 3};
  config.n_class = 2;
  config.in_channels = 4;
  config.modality = "CT";
  config.labels = {"background", "Läsion \"x\""};
  config.ct = CtStats{-1024, 325, -158.58, 324.7};
  config.cases = {{"a", {1.5, 0.1, static_cast<double>(0.7676F)}, {3, 4, 5}, true}, {"b", {}, {}, false}};
  config.task = "21";
  config.options = "{\"dim\": 2}";
  write_config(folder / "config.json", config);
  const DataConfig back = read_config(folder / "config.json");
  EXPECT_EQ(back.patch_size, config.patch_size);
  EXPECT_EQ(back.spacings, config.spacings);
  EXPECT_EQ(back.n_class, 2);
  EXPECT_EQ(back.in_channels, 4);
  EXPECT_EQ(back.modality, "CT");
  EXPECT_EQ(back.labels, config.labels);
  ASSERT_TRUE(back.ct.has_value());
  EXPECT_EQ(back.ct->mean, -158.58);
  EXPECT_EQ(back.ct->std, 324.7);
  ASSERT_EQ(back.cases.size(), 2U);
  EXPECT_EQ(back.cases[0].spacing, config.cases[0].spacing);
  EXPECT_EQ(back.cases[0].shape, config.cases[0].shape);
  EXPECT_TRUE(back.cases[0].has_label);
  EXPECT_EQ(back.task, "21");
  EXPECT_EQ(back.options, config.options);
  ASSERT_NE(back.find_case("b"), nullptr);
  EXPECT_EQ(back.find_case("b")->spacing, Spacing3{});
  EXPECT_EQ(back.find_case("c"), nullptr);
}

TEST(Config, NamesThatAreNotUtf8AreStillWritten) {
  const TempFolder folder;
  DataConfig config = config_from_json(minimal(), "x");
  config.options = "\xff";
  EXPECT_NO_THROW(write_config(folder / "config.json", config));
  EXPECT_NO_THROW(read_config(folder / "config.json"));
}

TEST(Config, ThreeSpacingsIn2D) {
  json object = minimal();
  object["patch_size"] = {56, 40};
  EXPECT_EQ(config_from_json(object, "x").dim(), 2);
  EXPECT_EQ(config_from_json(object, "x").spacings.size(), 3U);
}

TEST(Config, CtStatisticsMeanCt) {
  json object = minimal();
  object["ct"] = {{"min", -3}, {"max", 243}, {"mean", 104.37}, {"std", 52.62}};
  EXPECT_EQ(config_from_json(object, "x").modality, "CT");
}

TEST(Config, MissingKeys) {
  for (const char* key : {"patch_size", "spacings", "n_class", "in_channels"}) {
    EXPECT_EQ(error_with(key, nullptr),
              std::string("config.json: \"") + key + "\" is missing. Correct it, or preprocess the data again.");
  }
}

TEST(Config, WrongTypesAndLengths) {
  expect_part(error_with("patch_size", "40"), "\"patch_size\" is not a list");
  expect_part(error_with("patch_size", {40}), "\"patch_size\" has 1 entries");
  expect_part(error_with("patch_size", {40, 56, 40, 1}), "\"patch_size\" has 4 entries");
  expect_part(error_with("patch_size", {40, 0, 40}), "\"patch_size\" holds 0");
  expect_part(error_with("patch_size", {40, -5, 40}), "\"patch_size\" holds -5");
  expect_part(error_with("patch_size", {40, 5.5, 40}), "\"patch_size\" holds 5.5, not a whole number");
  expect_part(error_with("patch_size", {40, "a", 40}), "\"patch_size\" holds \"a\", not a number");
  expect_part(error_with("patch_size", {40, 1e300, 40}), "\"patch_size\" holds 1e+300");
  expect_part(error_with("spacings", {1.0, 1.0}), "\"spacings\" has 2 entries, patch_size has 3");
  expect_part(error_with("spacings", {1.0, 0.0, 1.0}), "\"spacings\" holds 0 mm");
  expect_part(error_with("spacings", {1.0, -1.0, 1.0}), "\"spacings\" holds -1 mm");
  expect_part(error_with("n_class", 0), "\"n_class\" holds 0");
  expect_part(error_with("n_class", 257), "\"n_class\" holds 257");
  expect_part(error_with("n_class", "3"), "\"n_class\" holds \"3\", not a number");
  expect_part(error_with("in_channels", 0), "\"in_channels\" holds 0");
  expect_part(error_with("modality", 1), "\"modality\" is not text");
  expect_part(error_with("labels", {"a", "b"}), "\"labels\" has 2 entries, n_class is 3");
  expect_part(error_with("labels", {1, 2, 3}), "\"labels\" holds 1, not text");
  expect_part(error_with("task", 4), "\"task\" is not text");
}

TEST(Config, CtStatistics) {
  const auto error = [](const json& ct) { return error_with("ct", ct); };
  expect_part(error({{"min", 0}, {"max", 1}, {"mean", 0}}), "\"ct.std\" is missing");
  expect_part(error({{"min", 0}, {"max", 1}, {"mean", 0}, {"std", 0}}), "\"ct.std\" is 0");
  expect_part(error({{"min", 2}, {"max", 1}, {"mean", 0}, {"std", 1}}), "\"ct.min\" is above ct.max");
  expect_part(error(3), "is not a JSON object");
}

TEST(Config, Cases) {
  const auto error = [](const json& cases) { return error_with("cases", cases); };
  expect_part(error("a"), "\"cases\" is not a list");
  expect_part(error(json::array({{{"spacing", {1, 1, 1}}}})), "\"cases[0].name\" is missing");
  expect_part(error(json::array({{{"name", "a"}, {"spacing", {1, 1}}}})), "\"cases[0].spacing\" does not have 3");
  expect_part(error(json::array({{{"name", "a"}, {"spacing", {1, 0, 1}}}})), "\"cases[0].spacing\" is not positive");
  expect_part(error(json::array({{{"name", "a"}, {"shape", {1, 0, 1}}}})), "\"cases[0].shape\" holds 0");
  expect_part(error(json::array({{{"name", "a"}, {"has_label", 1}}})), "neither true nor false");
  expect_part(error(json::array({{{"name", "a"}}, {{"name", "a"}}})), "has the case a twice");
  for (const char* name : {"", "..", "a/b", "/a"}) {
    expect_part(error(json::array({{{"name", name}}})), "is not a file name");
  }
}

TEST(Config, Files) {
  const TempFolder folder;
  EXPECT_ERROR(read_config(folder / "config.json"), "does not exist");
  save(folder / "config.json", std::string("{"));
  EXPECT_ERROR(read_config(folder / "config.json"), "is not valid JSON: line ");
  save(folder / "config.json", std::string("[]"));
  EXPECT_ERROR(read_config(folder / "config.json"), "is not a JSON object");
}

TEST(Config, ReferenceFolders) {
  NNUNET_NEEDS_SHARED("reference/preprocessed");
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared_dir() / "reference/preprocessed")) {
    if (entry.path().filename() != "config.json") continue;
    EXPECT_NO_THROW(read_config(entry.path())) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 8);
}
