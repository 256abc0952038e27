#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/report/dllogger.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using nlohmann::ordered_json;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST(DllLogger, LineHasTheFormOfDllogger) {
  test::TempFolder folder;
  const auto path = folder.path() / "new" / "logs.json";
  DllLogger logger(path, false);
  logger.log(7, {{"mean dice", 81.5}, {"L1", 80.0}, {"steps", 3}});
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 1U);
  const std::regex form(
      R"re(DLLL \{"timestamp": "\d{10}\.\d{1,6}", "datetime": "\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", )re"
      R"re("elapsedtime": "[0-9.e-]+", "type": "LOG", "step": 7, )re"
      R"re("data": \{"mean dice": 81\.5, "L1": 80\.0, "steps": 3\}\})re");
  EXPECT_TRUE(std::regex_match(lines[0], form)) << lines[0];
  const auto json = ordered_json::parse(lines[0].substr(5));
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"timestamp", "datetime", "elapsedtime", "type", "step", "data"}));
}

std::string written(const ordered_json& step, const ordered_json& data) {
  test::TempFolder folder;
  DllLogger(folder.path() / "log", false).log(step, data);
  const std::string line = lines_of(folder.path() / "log").at(0);
  return line.substr(line.find("\"step\""));
}

TEST(DllLogger, NumbersAndTextAsPythonWritesThem) {
  EXPECT_EQ(written(ordered_json::array(), {{"a", 0.1}}), R"("step": [], "data": {"a": 0.1}})");
  EXPECT_EQ(written(0, {{"a", 1e-5}, {"b", 1e16}, {"c", 123456789.0}, {"d", -0.25}}),
            R"("step": 0, "data": {"a": 1e-05, "b": 1e+16, "c": 123456789.0, "d": -0.25}})");
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(written(1, {{"a", std::nan("")}, {"b", inf}, {"c", -inf}}),
            R"("step": 1, "data": {"a": NaN, "b": Infinity, "c": -Infinity}})");
  EXPECT_EQ(written(2, {{"\"ö\"", "line\nbreak"}, {"list", {1, 2.5, true, nullptr}}}),
            R"("step": 2, "data": {"\"\u00f6\"": "line\nbreak", "list": [1, 2.5, true, null]}})");
}

TEST(DllLogger, AppendsOrStartsAnew) {
  test::TempFolder folder;
  const auto path = folder.path() / "log";
  DllLogger(path, true).log(0, ordered_json::object());
  DllLogger(path, true).log(1, ordered_json::object());
  EXPECT_EQ(lines_of(path).size(), 2U);
  std::ofstream(path, std::ios::app) << "DLLL {\"times";  // what a killed run leaves
  DllLogger(path, true).log(2, ordered_json::object());
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(ordered_json::parse(lines[3].substr(5)).at("step"), 2);
  DllLogger(path, false).log(3, ordered_json::object());
  EXPECT_EQ(lines_of(path).size(), 1U);
}

TEST(DllLogger, SaysWhyItCannotWrite) {
  test::TempFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_THROW(DllLogger(folder.path() / "file" / "log", false), Error);
  EXPECT_THROW(DllLogger(folder.path(), true), Error);
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  DllLogger full("/dev/full", false);
  try {
    full.log(0, ordered_json::object());
    FAIL() << "a full disk went unnoticed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/dev/full"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("No space left"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace nnunet
