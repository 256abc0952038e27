// Series of several volumes: parted by what their files say, or refused.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "message_of.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/dicom/series_cases.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

using test::DicomBytes;
using test::DicomForm;
using test::DicomSlice;
using test::message_of;

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

/// What says that a plane is of volume v, in a file of that form.
using Mark = std::function<DicomBytes(int v, DicomForm form)>;

constexpr int kPlanes = 3;

/// Plane z of volume v: other values than any other's.
DicomSlice slice_of(int v, int z) {
  DicomSlice slice = test::dicom_slice(z);
  slice.instance = fmt::format("1.2.3.4.{}.{}", v + 1, z + 1);
  for (std::int16_t& value : slice.values) value = static_cast<std::int16_t>(value + 100 * v);
  return slice;
}

std::vector<float> voxels_of(int v, int planes = kPlanes) {
  std::vector<float> all;
  for (int z = 0; z < planes; ++z)
    for (const std::int16_t value : slice_of(v, z).values) all.push_back(value);
  return all;
}

class PartSeries : public testing::Test {
 protected:
  void SetUp() override { NNUNET_NEEDS_DICOM(); }

  void write(int volumes, const std::function<void(DicomSlice& slice, int v, int z)>& change, int planes = kPlanes) {
    std::filesystem::remove_all(folder());
    for (int v = 0; v < volumes; ++v)
      for (int z = 0; z < planes; ++z) {
        DicomSlice slice = slice_of(v, z);
        change(slice, v, z);
        test::write_bytes(folder() / fmt::format("{}{}", (z * 3) % 7, v), slice.file());
      }
  }
  std::vector<FoundSeries> found() const { return find_series(folder()).series; }
  /// Why the whole series is refused.
  std::string problem() const {
    const auto series = found();
    EXPECT_EQ(series.size(), 1U);
    EXPECT_EQ(series.at(0).part, 0);
    EXPECT_EQ(series.at(0).apart, "");
    EXPECT_NE(message_of([&] { read_series(series.at(0)); }), "");
    return series.at(0).problem;
  }
  std::filesystem::path folder() const { return folder_ / "series"; }

 private:
  test::TempFolder folder_;
};

struct Telling {
  const char* name;
  Mark mark;
  std::vector<std::string> apart;  ///< in the order of the parts
};

/// Volumes 0, 1, 2 have the values that sort them as 2, 0, 1.
constexpr std::array kOrder{2, 0, 1};

Mark decimal(std::uint32_t tag, std::array<const char*, 3> values) {
  return [=](int v, DicomForm form) { return DicomBytes(form).text(tag, "DS", values[static_cast<std::size_t>(v)]); };
}
Mark text(std::uint32_t tag, const char* vr, std::array<const char*, 3> values) {
  return [=](int v, DicomForm form) { return DicomBytes(form).text(tag, vr, values[static_cast<std::size_t>(v)]); };
}

class PartedBy : public PartSeries, public testing::WithParamInterface<Telling> {};

TEST_P(PartedBy, IsOneVolumeEach) {
  for (const DicomForm form : {DicomForm::explicit_little, DicomForm::implicit_little, DicomForm::explicit_big}) {
    std::filesystem::remove_all(folder());
    for (int v = 0; v < 3; ++v)
      for (int z = 0; z < kPlanes; ++z) {
        const DicomSlice slice = slice_of(v, z);
        const std::array syntaxes{"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"};
        DicomBytes d = slice.header(form).raw(GetParam().mark(v, form).bytes());
        test::write_bytes(folder() / fmt::format("{}{}", v, z),
                          test::dicom_file(syntaxes[static_cast<std::size_t>(form)],
                                           d.element(0x7fe00010, "OW", slice.pixels(form)).bytes()));
      }
    const auto parts = found();
    ASSERT_EQ(parts.size(), 3U) << parts.at(0).problem;
    for (std::size_t p = 0; p < 3; ++p) {
      EXPECT_EQ(parts[p].problem, "");
      EXPECT_EQ(parts[p].name(), fmt::format("1.2.3.4-{}", p + 1));
      EXPECT_EQ(parts[p].series.series_uid, "1.2.3.4");
      EXPECT_EQ(parts[p].apart, GetParam().apart[p]);
      EXPECT_EQ(read_series(parts[p]).voxels.values, voxels_of(kOrder[p]));
      // An object of this part refers to its own instances.
      ASSERT_EQ(parts[p].series.frames.size(), 3U);
      for (std::size_t z = 0; z < 3; ++z)
        EXPECT_EQ(parts[p].series.frames[z].sop_instance_uid, fmt::format("1.2.3.4.{}.{}", kOrder[p] + 1, z + 1));
      EXPECT_EQ(parts[p].sources.size(), 3U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Traits, PartedBy,
    testing::Values(
        Telling{"Acquisition",
                text(0x00200012, "IS", {"9", "10", "2"}),
                {"acquisition 2", "acquisition 9", "acquisition 10"}},
        Telling{"TemporalPosition",
                text(0x00200100, "IS", {"2", "3", "1"}),
                {"temporal position 1", "temporal position 2", "temporal position 3"}},
        Telling{"TriggerTime",
                decimal(0x00181060, {"40.5", "81", "0"}),
                {"trigger time 0 ms", "trigger time 40.5 ms", "trigger time 81 ms"}},
        Telling{"EchoNumber", text(0x00180086, "IS", {"2", "3", "1"}), {"echo 1", "echo 2", "echo 3"}},
        Telling{"EchoTime",
                decimal(0x00180081, {"9.84", "14.76", "4.92"}),
                {"echo time 4.92 ms", "echo time 9.84 ms", "echo time 14.76 ms"}},
        Telling{"InversionTime",
                decimal(0x00180082, {"900", "2500", "150"}),
                {"inversion time 150 ms", "inversion time 900 ms", "inversion time 2500 ms"}},
        Telling{"FlipAngle",
                decimal(0x00181314, {"10", "15", "5"}),
                {"flip angle 5 degrees", "flip angle 10 degrees", "flip angle 15 degrees"}},
        Telling{"RepetitionTime",
                decimal(0x00180080, {"500", "3000", "100"}),
                {"repetition time 100 ms", "repetition time 500 ms", "repetition time 3000 ms"}},
        Telling{"FrameReferenceTime",
                decimal(0x00541300, {"15000", "30000", "5000"}),
                {"frame reference time 5000 ms", "frame reference time 15000 ms", "frame reference time 30000 ms"}},
        Telling{"BValue",
                [](int v, DicomForm form) {
                  return DicomBytes(form).doubles(0x00189087,
                                                  {std::array{400.0, 1000.0, 0.0}[static_cast<std::size_t>(v)]});
                },
                {"b-value 0 s/mm2", "b-value 400 s/mm2", "b-value 1000 s/mm2"}},
        Telling{"Gradient",
                [](int v, DicomForm form) {
                  DicomBytes d(form);
                  d.doubles(0x00189087, {v == 2 ? 0.0 : 1000.0});
                  if (v != 2) d.doubles(0x00189089, {v == 0 ? 0.0 : 1.0, v == 0 ? 1.0 : 0.0, 0.0});
                  return d;
                },
                {"b-value 0 s/mm2, no gradient direction", "b-value 1000 s/mm2, gradient direction 0 1 0",
                 "b-value 1000 s/mm2, gradient direction 1 0 0"}},
        Telling{
            "ImageType",
            text(0x00080008, "CS", {"ORIGINAL\\PRIMARY\\IP", "ORIGINAL\\PRIMARY\\W", "ORIGINAL\\PRIMARY\\F"}),
            {"image type ORIGINAL\\PRIMARY\\F", "image type ORIGINAL\\PRIMARY\\IP", "image type ORIGINAL\\PRIMARY\\W"}},
        Telling{"Stack", text(0x00209056, "SH", {"2", "3", "1"}), {"stack 1", "stack 2", "stack 3"}},
        // The time of day is not shown.
        Telling{"AcquisitionTime",
                text(0x00080032, "TM", {"101112.5", "101113", "101112"}),
                {"time 1 by acquisition time", "time 2 by acquisition time", "time 3 by acquisition time"}}),
    [](const auto& given) { return given.param.name; });

std::string word(std::uint32_t tag, const char* vr, const std::string& value) {
  return DicomBytes().text(tag, vr, value).bytes();
}

TEST_F(PartSeries, ContrastAgentIsThereOrNotAndNotRead) {
  write(2, [](DicomSlice& slice, int v, int) { slice.more = v == 1 ? word(0x00180010, "LO", "Jane's own") : ""; });
  const auto parts = found();
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].apart, "without contrast agent");
  EXPECT_EQ(parts[1].apart, "with contrast agent");
}

TEST_F(PartSeries, SeveralThingsAtOnce) {
  write(4, [](DicomSlice& slice, int v, int) {
    slice.more = word(0x00180081, "DS", v % 2 == 0 ? "5" : "10") + word(0x00200012, "IS", v / 2 == 0 ? "7" : "8");
  });
  const auto parts = found();
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[1].apart, "echo time 5 ms, acquisition 8");
  EXPECT_EQ(read_series(parts[1]).voxels.values, voxels_of(2));
  EXPECT_EQ(parts[2].apart, "echo time 10 ms, acquisition 7");
  EXPECT_EQ(read_series(parts[2]).voxels.values, voxels_of(1));
}

// Each breath has its own times: what counts is their order at each place. So do times that pass midnight.
TEST_F(PartSeries, TimesOfEachPlaneAreCounted) {
  write(3, [](DicomSlice& slice, int v, int z) {
    slice.more = word(0x00181060, "DS", fmt::format("{}", 40 * (2 - v) + 3 * z)) + word(0x00200012, "IS", "4");
  });
  auto parts = found();
  ASSERT_EQ(parts.size(), 3U);
  for (int p = 0; p < 3; ++p) {
    const FoundSeries& part = parts[static_cast<std::size_t>(p)];
    EXPECT_EQ(part.apart, fmt::format("time {} by trigger time", p + 1));
    EXPECT_EQ(read_series(part).voxels.values, voxels_of(2 - p));
  }
  write(2, [](DicomSlice& slice, int v, int z) {
    const int minute = 58 + 2 * v + z % 2;
    slice.more =
        word(0x00080022, "DA", minute < 60 ? "20230405" : "20230406") +
        word(0x00080032, "TM", minute < 60 ? fmt::format("23{}00", minute) : fmt::format("000{}00", minute - 60));
  });
  parts = found();
  ASSERT_EQ(parts.size(), 2U) << parts[0].problem;
  EXPECT_EQ(read_series(parts[1]).voxels.values, voxels_of(1));
}

TEST_F(PartSeries, DirectionsAreVolumes) {
  write(3, [](DicomSlice& slice, int v, int z) {
    const std::array directions{"1\\0\\0\\0\\1\\0", "0\\1\\0\\0\\0\\-1", "1\\0\\0\\0\\0\\-1"};
    slice.orientation = directions[static_cast<std::size_t>(v)];
    slice.position = {0, 0, 0};
    slice.position[v == 0 ? 2 : v == 1 ? 0 : 1] = 4.0 * z;
  });
  const auto parts = found();
  ASSERT_EQ(parts.size(), 3U) << parts[0].problem;
  EXPECT_EQ(parts[0].apart, "direction 1, sagittal");  // of as many planes each, by rows' and columns' directions
  EXPECT_EQ(parts[1].apart, "direction 2, coronal");
  EXPECT_EQ(parts[2].apart, "direction 3, axial");
  EXPECT_EQ(read_series(parts[2]).voxels.values, voxels_of(0));
  for (const FoundSeries& part : parts) EXPECT_NEAR(part.series.spacing[0], 4, 1e-12);
}

TEST_F(PartSeries, StacksBesideEachOther) {
  write(2, [](DicomSlice& slice, int v, int) {
    slice.position[2] += 50 * v;
    slice.more = word(0x00209056, "SH", v == 0 ? "1" : "2");
  });
  ASSERT_EQ(found().size(), 2U);
  write(2, [](DicomSlice& slice, int v, int) {  // at one height
    slice.position[0] += 300 * v;
    slice.more = word(0x00209056, "SH", v == 0 ? "1" : "2");
  });
  const auto parts = found();
  ASSERT_EQ(parts.size(), 2U) << parts[0].problem;
  EXPECT_EQ(parts[1].series.frames[0].position[0], 290);
}

TEST_F(PartSeries, WhatDoesNotBelongTogetherForSureIsRefused) {
  const auto nothing = [](DicomSlice&, int, int) {};
  write(2, nothing);
  EXPECT_EQ(problem(), "3 of its 6 planes lie where another one does (phases, echoes, or several volumes)");
  // Of what is told apart one is no volume.
  write(2, [](DicomSlice& slice, int v, int z) {
    slice.more = word(0x00180081, "DS", v == 0 ? "5" : "10");
    if (v == 1 && z == 1) slice.position[2] += 0.5;
  });
  EXPECT_HAS(problem(), "by echo time one of them would be no volume (its 3 planes are unevenly far");
  // One lacks a plane at its end.
  write(2, [](DicomSlice& slice, int v, int z) {
    slice.more = word(0x00180081, "DS", v == 0 ? "5" : "10");
    if (v == 1 && z == 2) slice.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
  });
  EXPECT_HAS(problem(), "by echo time they would be volumes of 3 and 2 planes that do not cover the same places");
  // Every plane has its own: the volumes are not told apart.
  write(2,
        [](DicomSlice& slice, int v, int z) { slice.more = word(0x00180081, "DS", fmt::format("{}", 1 + v + 2 * z)); });
  EXPECT_HAS(problem(), "by echo time one volume would be in several parts");
  // Every second plane is told from the others, which halves the volumes.
  write(
      2,
      [](DicomSlice& slice, int v, int z) {
        slice.more = word(0x00180081, "DS", v == 0 ? "5" : "10") + word(0x00180086, "IS", z % 2 == 0 ? "1" : "2");
      },
      4);
  EXPECT_HAS(problem(), "one volume would be in several parts");
  // As many times at each place, but not of all planes.
  write(2, [](DicomSlice& slice, int v, int z) {
    if (z != 1) slice.more = word(0x00181060, "DS", fmt::format("{}", 40 * v + z));
  });
  EXPECT_HAS(problem(), "planes lie where another one does");
}

TEST_F(PartSeries, EverySecondPlaneIsNoVolume) {
  write(
      1,
      [](DicomSlice& slice, int, int z) {
        slice.position[2] += z > 1 ? 2 : 0;
        slice.more = word(0x00180086, "IS", z == 0 || z == 3 ? "1" : "2");
      },
      4);
  EXPECT_HAS(problem(), "planes are missing: 1 between those 2 mm apart; by echo one volume would be in several parts");
}

// Planes that are missing are missing, even where what is left was taken at two times.
TEST_F(PartSeries, GapsAreNotParted) {
  write(
      1,
      [](DicomSlice& slice, int, int z) {
        slice.position[2] += z > 2 ? 8 : 0;
        slice.more = word(0x00200012, "IS", z > 2 ? "2" : "1");
      },
      6);
  EXPECT_HAS(problem(), "planes are missing: 4");
}

TEST_F(PartSeries, PartsAreChosenByName) {
  write(2, [](DicomSlice& slice, int v, int) { slice.more = word(0x00180086, "IS", v == 0 ? "1" : "2"); });
  const auto choose = [&](const std::vector<std::string>& names) {
    return choose_series(find_series(folder()), folder(), names);
  };
  const std::string both = "holds 2 volumes: 1.2.3.4-1 (CT, 3x4x6, echo 1), 1.2.3.4-2 (CT, 3x4x6, echo 2)";
  EXPECT_HAS(message_of([&] { choose({"1.2.3.4"}); }), both);
  EXPECT_HAS(message_of([&] { choose({}); }), both);
  EXPECT_HAS(message_of([&] { choose({"1.2.3.4-3"}); }), "is not in");
  EXPECT_EQ(choose({"1.2.3.4-2"}).at(0).part, 2);
  EXPECT_EQ(choose({"all"}).size(), 2U);
  const auto cases = series_cases(choose({"1.2.3.4-2", "1.2.3.4-1"}), 1);
  EXPECT_EQ(cases.at(0).name, "1.2.3.4-2");
  const Image channels = series_cases(choose({"1.2.3.4-2", "1.2.3.4-1"}), 2).at(0).read();
  EXPECT_EQ(channels.voxels.shape, (std::vector<std::int64_t>{2, 3, 4, 6}));
  const std::string table = finding_text(find_series(folder()));
  EXPECT_HAS(table, "1.2.3.4-2");
  EXPECT_HAS(table, "echo 2");
}

TEST_F(PartSeries, UidsThatAreMadeUpAreTheSameForAllParts) {
  write(2, [](DicomSlice& slice, int v, int) {
    slice.series = slice.study = slice.frame_of_reference = slice.instance = "";
    slice.more = word(0x00180086, "IS", v == 0 ? "1" : "2");
  });
  const auto parts = found();
  ASSERT_EQ(parts.size(), 2U) << parts[0].problem;
  EXPECT_EQ(parts[0].series.series_uid, parts[1].series.series_uid);
  EXPECT_EQ(parts[0].series.frame_of_reference_uid, parts[1].series.frame_of_reference_uid);
  EXPECT_NE(parts[0].series.frames[0].sop_instance_uid, parts[1].series.frames[0].sop_instance_uid);
}

/// Two frames at each of two places, in no order; what tells them apart is added by `mark` to frame content.
std::string enhanced(const std::function<void(DicomBytes& content, int v, int z)>& mark,
                     const DicomBytes& more = DicomBytes()) {
  DicomSlice slice;
  slice.placed = false;
  std::vector<DicomBytes> frames;
  for (const auto& [v, z] : {std::pair{1, 1}, {0, 0}, {1, 0}, {0, 1}}) {
    const auto values = slice_of(v, z).values;
    slice.values.insert(slice.values.end(), values.begin(), values.end());
    DicomBytes content;
    mark(content, v, z);
    frames.push_back(DicomBytes()
                         .sequence(0x00209111, {content})
                         .sequence(0x00209113, {DicomBytes().text(0x00200032, "DS", fmt::format("0\\0\\{}", 2 * z))}));
  }
  DicomBytes shared;
  shared.sequence(0x00209116, {DicomBytes().text(0x00200037, "DS", "1\\0\\0\\0\\1\\0")});
  shared.sequence(0x00289110, {DicomBytes().text(0x00180050, "DS", "3").text(0x00280030, "DS", "1\\1")});
  DicomBytes d = slice.header();
  d.text(0x00280008, "IS", "4").raw(more.bytes()).sequence(0x52009229, {shared}).sequence(0x52009230, frames);
  return test::dicom_file("1.2.840.10008.1.2.1", d.element(0x7fe00010, "OW", slice.pixels()).bytes());
}

TEST_F(PartSeries, FramesOfOneFile) {
  test::write_bytes(folder() / "file", enhanced([](DicomBytes& content, int v, int z) {
                      content.longs(0x00209128, {static_cast<std::uint32_t>(v + 1)});  // temporal position
                      content.longs(0x00209057, {static_cast<std::uint32_t>(z + 1)});  // in stack
                      content.longs(0x00209157, {static_cast<std::uint32_t>(z + 1), static_cast<std::uint32_t>(v + 1)});
                    }));
  const auto parts = found();
  ASSERT_EQ(parts.size(), 2U) << parts[0].problem;
  EXPECT_EQ(parts[1].apart, "temporal position 2");
  EXPECT_EQ(parts[1].series.frames[0].number, 3);
  EXPECT_EQ(parts[1].series.frames[1].number, 1);
  EXPECT_EQ(parts[1].sources.size(), 1U);
  EXPECT_EQ(read_series(parts[1]).voxels.values, voxels_of(1, 2));
}

/// A file's own dimensions: its first is a place, its second is what tells frames apart.
TEST_F(PartSeries, DimensionsOfAFile) {
  const auto pointer = [](std::uint16_t group, std::uint16_t element) {
    return DicomBytes().element(0x00209165, "AT", DicomBytes().number(group, 2).number(element, 2).bytes());
  };
  const auto marked = [&](std::uint16_t group, std::uint16_t element) {
    return enhanced(
        [](DicomBytes& content, int v, int z) {
          content.longs(0x00209157, {static_cast<std::uint32_t>(z + 1), static_cast<std::uint32_t>(v + 1)});
        },
        DicomBytes().sequence(0x00209222, {pointer(0x0020, 0x9057), pointer(group, element)}));
  };
  test::write_bytes(folder() / "file", marked(0x2005, 0x1413));
  const auto parts = found();
  ASSERT_EQ(parts.size(), 2U) << parts[0].problem;
  EXPECT_EQ(parts[1].apart, "dimension index 2");
  EXPECT_EQ(read_series(parts[1]).voxels.values, voxels_of(1, 2));
  test::write_bytes(folder() / "file", marked(0x0020, 0x0032));  // both are places: nothing tells apart
  EXPECT_HAS(problem(), "planes lie where another one does");
}

/// Frames of nuclear medicine say which slice, time slot, .. they are of.
TEST_F(PartSeries, VectorsOfNuclearMedicine) {
  const auto file = [](const std::string& type, bool slices, bool slots) {
    DicomSlice slice;
    slice.placed = false;
    slice.modality = "NM";
    slice.image_type = type;
    for (const auto& [v, z] : {std::pair{0, 0}, {0, 1}, {1, 0}, {1, 1}}) {
      const auto values = slice_of(v, z).values;
      slice.values.insert(slice.values.end(), values.begin(), values.end());
    }
    DicomBytes d = slice.header();
    d.text(0x00280008, "IS", "4").text(0x00280030, "DS", "1\\1");
    d.sequence(0x00540022, {DicomBytes().text(0x00200032, "DS", "0\\0\\0").text(0x00200037, "DS", "1\\0\\0\\0\\1\\0")});
    if (slots) d.words(0x00540070, {1, 1, 2, 2});
    if (slices) d.words(0x00540080, {1, 2, 1, 2});
    return test::dicom_file("1.2.840.10008.1.2.1", d.element(0x7fe00010, "OW", slice.pixels()).bytes());
  };
  test::write_bytes(folder() / "file", file("ORIGINAL\\PRIMARY\\RECON GATED TOMO\\EMISSION", true, true));
  const auto parts = found();
  ASSERT_EQ(parts.size(), 2U) << parts[0].problem;
  EXPECT_EQ(parts[1].apart, "time slot 2");
  EXPECT_EQ(read_series(parts[1]).voxels.values, voxels_of(1, 2));
  EXPECT_NEAR(parts[1].series.spacing[0], 2.5, 1e-12);
  test::write_bytes(folder() / "file", file("ORIGINAL\\PRIMARY\\RECON TOMO\\EMISSION", false, false));
  ASSERT_EQ(found().size(), 1U);
  EXPECT_EQ(found()[0].series.shape[0], 4);
  test::write_bytes(folder() / "file", file("ORIGINAL\\PRIMARY\\TOMO\\EMISSION", false, false));  // projections
  EXPECT_TRUE(found().empty());
}

/// What a series is of, and what is wrong with it.
struct Mixture {
  int echoes = 1, times = 1, planes = 3;
  bool clock = false;          ///< each plane has a time of its own
  bool slices_by_tag = false;  ///< something differs from plane to plane that has no meaning for volumes
  int lost = -1;               ///< this file is not there
};

// Whatever is mixed, shuffled and lost: either each part is exactly one of the volumes, or nothing is read.
TEST_F(PartSeries, PartsAreTheVolumesOrNothing) {
  std::mt19937 random(20230405);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  int parted = 0, refused = 0;
  for (int trial = 0; trial < 150; ++trial) {
    const Mixture m{draw(1, 3),      draw(1, 3),      draw(2, 5),
                    draw(0, 1) == 1, draw(0, 3) == 0, draw(-1, 1) < 0 ? draw(0, 5) : -1};
    std::filesystem::remove_all(folder());
    int file = 0;
    for (int e = 0; e < m.echoes; ++e)
      for (int t = 0; t < m.times; ++t)
        for (int z = 0; z < m.planes; ++z, ++file) {
          if (file == m.lost) continue;
          DicomSlice slice = slice_of(e * m.times + t, z);
          slice.more = word(0x00180081, "DS", fmt::format("{}", 5 * (e + 1))) +
                       word(0x00180086, "IS", fmt::format("{}", m.slices_by_tag ? z % 2 + 2 * e : e)) +
                       word(m.clock ? 0x00181060 : 0x00200012, "IS", fmt::format("{}", m.clock ? 100 * t + z : t + 1));
          test::write_bytes(folder() / fmt::format("{}", (file * 37 + trial) % 101), slice.file());
        }
    const auto series = found();
    if (!series.at(0).problem.empty()) {
      EXPECT_EQ(series.size(), 1U);
      ++refused;
      continue;
    }
    parted += series.size() > 1 ? 1 : 0;
    const int volumes = m.echoes * m.times;
    const bool incomplete = m.lost >= 0 && m.lost < volumes * m.planes;
    // Of a single volume nobody can know that its first or last plane is lost.
    EXPECT_TRUE(!incomplete || volumes == 1) << trial;
    ASSERT_EQ(series.size(), static_cast<std::size_t>(volumes)) << trial;
    for (int v = 0; v < volumes && !incomplete; ++v)
      EXPECT_EQ(read_series(series[static_cast<std::size_t>(v)]).voxels.values, voxels_of(v, m.planes)) << trial;
  }
  EXPECT_GT(parted, 30);
  EXPECT_GT(refused, 30);
}

}  // namespace
}  // namespace nnunet::dicom
