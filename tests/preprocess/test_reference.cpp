#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nnunet/core/log.h"
#include "nnunet/io/npy.h"
#include "nnunet/preprocess/pipeline.h"
#include "reference/npz.h"
#include "reference/shared.h"

// The pipeline against what the reference system made of the same images (reference/preprocessed).
namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::Npz;
using test::shared_dir;
using test::TempFolder;

void compare_x(const Array<float>& x, const Npz& npz) {
  ASSERT_EQ(x.shape, npz.load<std::int64_t>("x_shape").values);
  const Array<float> expected = npz.load<float>("x_sub2");
  const Shape3 s = x.spatial();
  std::size_t i = 0;
  double worst = 0;
  for (std::int64_t c = 0; c < x.size(0); ++c)
    for (std::int64_t z = 0; z < s[0]; z += 2)
      for (std::int64_t y = 0; y < s[1]; y += 2)
        for (std::int64_t w = 0; w < s[2]; w += 2) {
          const float v = x.values[static_cast<std::size_t>(((c * s[0] + z) * s[1] + y) * s[2] + w)];
          worst = std::max(worst, std::abs(static_cast<double>(v) - static_cast<double>(expected.values.at(i++))));
        }
  EXPECT_EQ(i, expected.values.size());
  EXPECT_LE(worst, 1e-3);
  const auto means = npz.load<double>("x_mean").values;
  for (std::int64_t c = 0; c < x.size(0); ++c) {
    double sum = 0;
    for (const float v : x.slab(c)) sum += v;
    EXPECT_NEAR(sum / static_cast<double>(volume(s)), means.at(static_cast<std::size_t>(c)), 1e-3);
  }
}

void compare_case(const fs::path& made, const fs::path& reference, const std::string& name) {
  SCOPED_TRACE(reference.string() + "/" + name);
  const Npz npz(reference / (name + ".npz"));
  compare_x(read_npy<float>(made / (name + "_x.npy")), npz);
  if (npz.has("y")) {
    const auto got = read_npy<std::uint8_t>(made / (name + "_y.npy")), expected = npz.load<std::uint8_t>("y");
    ASSERT_EQ(got.shape, expected.shape);
    std::int64_t different = 0;
    for (std::size_t i = 0; i < got.values.size(); ++i) different += got.values[i] != expected.values[i];
    EXPECT_LE(static_cast<double>(different), 1e-4 * static_cast<double>(got.numel()));
  }
  if (npz.has("meta")) {
    EXPECT_EQ(read_npy<std::int64_t>(made / (name + "_meta.npy")).values, npz.load<std::int64_t>("meta").values);
  }
}

// Preprocesses one task and compares every case of the reference; returns how many there were.
int check(PreprocessOptions options, const fs::path& data, const fs::path& results) {
  log::set_quiet(true);
  options.data = data;
  options.results = results;
  options.quiet = true;
  const fs::path folder = shared_dir() / "reference/preprocessed" / (options.task + (options.dim == 3 ? "_3d" : "_2d"));
  const fs::path reference = options.training() ? folder : folder / options.exec_mode;
  const nlohmann::json config = nlohmann::json::parse(std::ifstream(reference / "config.json"));
  if (options.training()) options.patch_size = config.at("patch_size").get<std::vector<std::int64_t>>();
  const PreprocessReport report = preprocess_dataset(options);
  EXPECT_EQ(report.failed(), 0);
  if (config.contains("ct")) {
    EXPECT_DOUBLE_EQ(report.config.ct->min, config["ct"]["min"].get<double>());
    EXPECT_DOUBLE_EQ(report.config.ct->max, config["ct"]["max"].get<double>());
    EXPECT_NEAR(report.config.ct->mean, config["ct"]["mean"].get<double>(), 1e-6);
    EXPECT_NEAR(report.config.ct->std, config["ct"]["std"].get<double>(), 1e-6);
  }
  const auto spacings = config.at("spacings").get<std::vector<double>>();
  EXPECT_EQ(report.config.spacings, std::vector<double>(spacings.end() - options.dim, spacings.end()));
  int count = 0;
  for (const auto& entry : fs::directory_iterator(reference)) {
    if (entry.path().extension() != ".npz") continue;
    compare_case(report.folder, reference, entry.path().stem().string());
    ++count;
  }
  return count;
}

int check_training_and_test(const PreprocessOptions& options) {
  const TempFolder results;
  const int training = check(options, shared_dir() / "data", results.path());
  PreprocessOptions test = options;
  test.exec_mode = "test";
  return training + check(test, shared_dir() / "data", results.path());
}

PreprocessOptions task(const std::string& number, int dim, const std::vector<double>& spacing = {}) {
  PreprocessOptions options;
  options.task = number;
  options.dim = dim;
  options.spacing = spacing;
  return options;
}

TEST(PreprocessReference, BodyCtWithCollectedStatistics) {
  NNUNET_NEEDS_SHARED("reference/preprocessed")
  EXPECT_EQ(check_training_and_test(task("21", 3)), 6);
  EXPECT_EQ(check_training_and_test(task("21", 2)), 6);
}

TEST(PreprocessReference, AnisotropicHeadCt) {
  NNUNET_NEEDS_SHARED("reference/preprocessed")
  EXPECT_EQ(check_training_and_test(task("22", 3, {3.0, 0.8, 0.8})), 6);
  EXPECT_EQ(check_training_and_test(task("22", 2, {0.8, 0.8})), 6);
}

TEST(PreprocessReference, TwoChannelMr) {
  NNUNET_NEEDS_SHARED("reference/preprocessed")
  EXPECT_EQ(check_training_and_test(task("23", 3)), 4);
  EXPECT_EQ(check_training_and_test(task("23", 2)), 4);
}

// The six hippocampus cases that there are reference numbers of, as a dataset of their own.
TEST(PreprocessReference, Hippocampus) {
  NNUNET_NEEDS_SHARED("reference/preprocessed")
  const TempFolder data, results;
  const fs::path from = shared_dir() / "data/Task04_Hippocampus", to = data / "Task04_Hippocampus";
  nlohmann::json dataset = nlohmann::json::parse(std::ifstream(from / "dataset.json"));
  dataset["training"].erase(dataset["training"].begin() + 6, dataset["training"].end());
  for (const auto& entry : dataset["training"])
    for (const char* key : {"image", "label"}) {
      const fs::path path = entry.at(key).get<std::string>();
      fs::create_directories((to / path).parent_path());
      fs::copy_file(from / path, to / path);
    }
  std::ofstream(to / "dataset.json") << dataset;
  for (const int dim : {3, 2}) EXPECT_EQ(check(task("04", dim), data.path(), results.path()), 6);
}

}  // namespace
}  // namespace nnunet
