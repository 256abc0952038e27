// Voxels and geometry of series: what the standard says that they mean.
#include <gtest/gtest.h>

#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "nnunet/dicom/read_series.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

using test::DicomBytes;
using test::DicomForm;
using test::DicomSlice;

Image read_only(const std::filesystem::path& input) {
  const Finding finding = find_series(input);
  EXPECT_EQ(finding.series.size(), 1U);
  EXPECT_EQ(finding.series.at(0).problem, "");
  return read_series(finding.series.at(0));
}

std::vector<float> voxels_of(int count) {
  std::vector<float> all;
  for (int z = 0; z < count; ++z)
    for (const std::int16_t value : test::dicom_slice(z).values) all.push_back(value);
  return all;
}

class ReadSeries : public testing::Test {
 protected:
  void SetUp() override { NNUNET_NEEDS_DICOM(); }
  test::TempFolder folder_;
};

TEST_F(ReadSeries, SortsPlanesAlongTheNormal) {
  test::write_series(folder_.path(), 5);
  const Finding finding = find_series(folder_.path());
  ASSERT_EQ(finding.series.size(), 1U);
  const Series& series = finding.series[0].series;
  EXPECT_EQ(series.shape, (std::array<std::int64_t, 3>{5, 4, 6}));
  EXPECT_EQ(series.series_uid, "1.2.3.4");
  EXPECT_EQ(series.modality, "CT");
  EXPECT_FALSE(series.invented_uids);
  EXPECT_NEAR(series.spacing[0], 2, 1e-12);
  EXPECT_EQ(series.spacing[1], 0.5);
  EXPECT_EQ(series.spacing[2], 0.75);
  ASSERT_EQ(series.frames.size(), 5U);
  for (int z = 0; z < 5; ++z) {
    const Frame& frame = series.frames[static_cast<std::size_t>(z)];
    EXPECT_EQ(frame.sop_instance_uid, fmt::format("1.2.3.4.{}", z + 1));
    EXPECT_EQ(frame.position[2], 30 + 2 * z);
  }
  const Image image = read_series(finding.series[0]);
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{1, 5, 4, 6}));
  EXPECT_EQ(image.voxels.values, voxels_of(5));
  // LPS becomes RAS.
  const std::array<std::array<double, 4>, 4> affine{{{-0.75, 0, 0, 10}, {0, -0.5, 0, 20}, {0, 0, 2, 30}, {0, 0, 0, 1}}};
  EXPECT_EQ(image.geometry.affine, affine);
}

// Rows from head to feet, columns from front to back: the planes' normal points to the patient's left.
TEST_F(ReadSeries, TakesAnyDirection) {
  test::write_series(folder_.path(), 3, [](DicomSlice& slice, int z) {
    slice.orientation = "0\\0\\-1\\0\\1\\0";
    slice.position = {5 + 3.0 * z, 0, 0};
  });
  const Image image = read_only(folder_.path());
  const auto& affine = image.geometry.affine;
  EXPECT_EQ(affine[2][0], -0.75);
  EXPECT_EQ(affine[1][1], -0.5);
  EXPECT_NEAR(affine[0][2], -3, 1e-12);
  EXPECT_EQ(affine[0][3], -5);
  EXPECT_EQ(image.voxels.values, voxels_of(3));
}

TEST_F(ReadSeries, EachPlaneHasItsOwnRescaling) {
  test::write_series(folder_.path(), 3, [](DicomSlice& slice, int z) {
    slice.slope = fmt::format("{}", 0.5 * (z + 1));
    slice.intercept = "-1024";
  });
  const Image image = read_only(folder_.path());
  const auto stored = voxels_of(3);
  for (std::size_t i = 0; i < stored.size(); ++i)
    EXPECT_EQ(image.voxels.values[i], static_cast<float>(stored[i] * 0.5 * static_cast<double>(i / 24 + 1) - 1024));
}

TEST_F(ReadSeries, StoredBitsAreCutOutAndSigned) {
  test::write_series(folder_.path(), 2, [](DicomSlice& slice, int) {
    slice.stored = 12;
    slice.high_bit = 13;
    for (std::int16_t& value : slice.values)  // two bits below and two above that are another's
      value = static_cast<std::int16_t>(((value & 0xfff) << 2) | 0xc003);
  });
  EXPECT_EQ(read_only(folder_.path()).voxels.values, voxels_of(2));
}

TEST_F(ReadSeries, WhatIsWhiteWhenSmallIsTurnedRound) {
  test::write_series(folder_.path(), 2, [](DicomSlice& slice, int) {
    slice.photometric = "MONOCHROME1";
    slice.is_signed = 0;
    slice.stored = 10;
    slice.high_bit = 9;
    for (std::int16_t& value : slice.values) value = static_cast<std::int16_t>(value + 40);
  });
  const Image image = read_only(folder_.path());
  const auto stored = voxels_of(2);
  for (std::size_t i = 0; i < stored.size(); ++i) EXPECT_EQ(image.voxels.values[i], 1023 - (stored[i] + 40));
}

TEST_F(ReadSeries, PaddingBecomesTheLeastMeasuredValue) {
  test::write_series(folder_.path(), 2, [](DicomSlice& slice, int) {
    slice.padding = std::string("\x30\xf8", 2);  // -2000
    slice.intercept = "-1000";
    slice.slope = "1";
    slice.values[3] = -2000;
  });
  const Image image = read_only(folder_.path());
  EXPECT_EQ(image.voxels.values[3], -1040);
  EXPECT_EQ(image.voxels.values[4], voxels_of(1)[4] - 1000);
}

TEST_F(ReadSeries, TiltedPlanesKeepTheirPlace) {
  test::write_series(folder_.path(), 5, [](DicomSlice& slice, int z) { slice.position[1] += 0.8 * z; });
  const Finding finding = find_series(folder_.path());
  const FoundSeries& found = finding.series.at(0);
  EXPECT_EQ(found.problem, "");
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_NE(found.warnings[0].find("tilted by 21.8 degrees"), std::string::npos) << found.warnings[0];
  const Geometry geometry = geometry_of(found);
  EXPECT_NEAR(geometry.spacing[0], 2, 1e-9);
  EXPECT_NEAR(geometry.affine[1][2], -0.8, 1e-9);
  EXPECT_NEAR(geometry.affine[2][2], 2, 1e-9);
}

TEST_F(ReadSeries, ASinglePlaneIsAsThickAsItSays) {
  test::write_series(folder_.path(), 1);
  EXPECT_EQ(read_only(folder_.path()).geometry.spacing[0], 2.5);
}

std::string in_form(const DicomSlice& slice, DicomForm form, const char* transfer_syntax) {
  return test::dicom_file(transfer_syntax, slice.header(form).element(0x7fe00010, "OW", slice.pixels(form)).bytes());
}

TEST_F(ReadSeries, FormsOfWritingMeanTheSame) {
  for (int z = 0; z < 7; ++z) {
    const DicomSlice slice = test::dicom_slice(z);
    const DicomBytes plain = slice.header().element(0x7fe00010, "OW", slice.pixels());
    const std::string implicit = in_form(slice, DicomForm::implicit_little, "1.2.840.10008.1.2");
    const std::string big = in_form(slice, DicomForm::explicit_big, "1.2.840.10008.1.2.2");
    const std::array<std::string, 7> files{
        slice.file(), implicit, big, test::dicom_file("1.2.840.10008.1.2.1.99", test::deflated(plain.bytes())),
        test::dicom_file("1.2.840.10008.1.2.1.98", slice.header().fragments({slice.pixels()}).bytes()),
        // Without preamble and group 2.
        implicit.substr(implicit.find(std::string("\x08\0\x05\0", 4))),
        big.substr(big.find(std::string("\0\x08\0\x05", 4)))};
    test::write_bytes(folder_ / fmt::format("{}", z), files[static_cast<std::size_t>(z)]);
  }
  EXPECT_EQ(read_only(folder_.path()).voxels.values, voxels_of(7));
}

// A header may hold a small picture of its own.
TEST_F(ReadSeries, IconsArePassedOver) {
  const DicomSlice slice = test::dicom_slice(0);
  DicomBytes icon = slice.header();
  icon.fragments({"no element at all", "nor this one."});
  DicomBytes d = slice.header();
  d.head(0x00880200, "SQ", 0xffffffff).tag(0xfffee000).number(0xffffffff, 4).raw(icon.bytes());
  d.tag(0xfffee00d).number(0, 4).tag(0xfffee0dd).number(0, 4).element(0x7fe00010, "OW", slice.pixels());
  test::write_bytes(folder_ / "file", test::dicom_file("1.2.840.10008.1.2.1", d.bytes()));
  EXPECT_EQ(read_only(folder_ / "file").voxels.values, voxels_of(1));
}

DicomBytes groups(const std::string& position, const std::string& slope) {
  DicomBytes item;
  item.sequence(0x00209113, {DicomBytes().text(0x00200032, "DS", position)});
  if (!slope.empty())
    item.sequence(0x00289145, {DicomBytes().text(0x00281052, "DS", "10").text(0x00281053, "DS", slope)});
  return item;
}

TEST_F(ReadSeries, FramesOfOneFileAreItsPlanes) {
  DicomSlice slice;
  slice.placed = false;
  for (int z : {2, 0, 1}) {  // in no order
    const auto values = test::dicom_slice(z).values;
    slice.values.insert(slice.values.end(), values.begin(), values.end());
  }
  DicomBytes d = slice.header();
  DicomBytes shared;
  shared.sequence(0x00209116, {DicomBytes().text(0x00200037, "DS", "1\\0\\0\\0\\1\\0")});
  shared.sequence(0x00289110, {DicomBytes().text(0x00180050, "DS", "3").text(0x00280030, "DS", "1\\1")});
  d.text(0x00280008, "IS", "3");  // not where it belongs, which nobody minds
  d.sequence(0x52009229, {shared});
  d.sequence(0x52009230, {groups("0\\0\\4", "2"), groups("0\\0\\0", ""), groups("0\\0\\2", "3")});
  test::write_bytes(folder_ / "enhanced.dcm",
                    test::dicom_file("1.2.840.10008.1.2.1", d.element(0x7fe00010, "OW", slice.pixels()).bytes()));
  const Finding finding = find_series(folder_ / "enhanced.dcm");
  ASSERT_EQ(finding.series.size(), 1U);
  const Series& series = finding.series[0].series;
  ASSERT_EQ(series.frames.size(), 3U) << finding.series[0].problem;
  EXPECT_EQ(series.frames[0].number, 2);
  EXPECT_EQ(series.frames[2].number, 1);
  const Image image = read_series(finding.series[0]);
  EXPECT_NEAR(image.geometry.spacing[0], 2, 1e-12);
  const auto stored = voxels_of(3);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const double slopes[] = {1, 3, 2}, slope = slopes[i / 24];
    EXPECT_EQ(image.voxels.values[i], static_cast<float>(stored[i] * slope + (slope > 1 ? 10 : 0))) << i;
  }
}

TEST_F(ReadSeries, AZipIsReadAndItsNamesAreNotShown) {
  const auto slices = {test::dicom_slice(0).file(), test::dicom_slice(1).file(), std::string("no DICOM")};
  test::write_bytes(folder_ / "study.zip", test::stored_zip({{"DOE_JANE/1", *slices.begin()},
                                                             {"DOE_JANE/2", *(slices.begin() + 1)},
                                                             {"DOE_JANE/notes", *(slices.begin() + 2)}}));
  const Finding finding = find_series(folder_ / "study.zip");
  ASSERT_EQ(finding.series.size(), 1U);
  EXPECT_EQ(finding.others, 1);
  const FoundSeries& found = finding.series[0];
  EXPECT_EQ(read_series(found).voxels.values, voxels_of(2));
  EXPECT_EQ(found.sources, std::vector{folder_ / "study.zip"});
  EXPECT_EQ(found.series.frames[0].file.string().find("DOE"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(found.series.frames[0].file));
}

}  // namespace
}  // namespace nnunet::dicom
