#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nnunet/io/image_file.h"
#include "nnunet/io/image_properties.h"
#include "nnunet/io/json_reading.h"

using namespace nnunet;

// Files of every format, written by SimpleITK, Pillow, tifffile and by hand, and what nnU-Net's readers say of them
// (tests/reference/make_image_fixtures.py).

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(NNUNET_FIXTURES_DIR) / "images";

struct Case {
  std::string file, reader;
  nlohmann::json expected;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.file << " by " << c.reader;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  const nlohmann::json json = read_json(kFolder / "expected.json");
  for (const auto& [file, readers] : json.items())
    for (const auto& [reader, expected] : readers.items()) cases.push_back({file, reader, expected});
  return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.file + "_" + info.param.reader;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

/// Directions and origins of NIfTI files are quaternions of float32.
constexpr double kTolerance = 2e-6;

void expect_close(const std::vector<double>& values, const std::vector<double>& expected, const char* what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], kTolerance * std::max(1.0, std::abs(expected[i]))) << what << " " << i;
}

void expect_affine(const std::array<std::array<double, 4>, 4>& affine, const nlohmann::json& expected) {
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      const double value = expected[i][j].get<double>();
      EXPECT_NEAR(affine[i][j], value, kTolerance * std::max(1.0, std::abs(value))) << i << ", " << j;
    }
}

void expect_geometry(const ReaderProperties& properties, const nlohmann::json& expected) {
  const auto spacing = expected["spacing"].get<std::vector<double>>();
  ASSERT_EQ(spacing.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(properties.spacing[i], spacing[i], 1e-12 * spacing[i]);
  if (expected.contains("sitk_stuff")) {
    const nlohmann::json& itk = expected["sitk_stuff"];
    ASSERT_TRUE(properties.itk.has_value());
    if (itk["spacing"].size() > 3) return;  // label maps of images with four axes have three
    expect_close(properties.itk->spacing, itk["spacing"], "spacing");
    expect_close(properties.itk->origin, itk["origin"], "origin");
    expect_close(properties.itk->direction, itk["direction"], "direction");
    EXPECT_EQ(properties.itk->original_orientation.value_or(""), itk.value("original_orientation", ""));
  }
  if (expected.contains("nibabel_stuff")) {
    const nlohmann::json& nibabel = expected["nibabel_stuff"];
    ASSERT_TRUE(properties.nibabel.has_value());
    expect_affine(properties.nibabel->original_affine, nibabel["original_affine"]);
    ASSERT_EQ(properties.nibabel->reoriented_affine.has_value(), nibabel.contains("reoriented_affine"));
    if (properties.nibabel->reoriented_affine)
      expect_affine(*properties.nibabel->reoriented_affine, nibabel["reoriented_affine"]);
  }
}

class ImageFixtures : public testing::TestWithParam<Case> {};

}  // namespace

TEST_P(ImageFixtures, ReadAsByNnunet) {
  const Case& c = GetParam();
  const ImageReader reader = image_reader_from_name(c.reader).value();
  Image image = read_image_file(kFolder / c.file, reader);
  const Image read = image;
  Reorientation turned;
  turned.original = image.geometry;
  if (reorients(reader)) turned = to_canonical(image, reader, c.file);
  ASSERT_EQ(image.voxels.shape, c.expected["shape"].get<std::vector<std::int64_t>>());
  const auto voxels = c.expected["voxels"].get<std::vector<double>>();
  for (std::size_t i = 0; i < voxels.size(); ++i)
    ASSERT_EQ(image.voxels.values[i], static_cast<float>(voxels[i])) << "voxel " << i;
  expect_geometry(reader_properties(image.geometry, reader, &turned), c.expected);
  if (reorients(reader)) {
    const Array<float> back = turned.undo(image.voxels);
    EXPECT_EQ(back.shape, read.voxels.shape);
    EXPECT_EQ(back.values, read.voxels.values);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ImageFixtures, testing::ValuesIn(all_cases()), name_of);
