// Objects that are written, read back element by element.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <set>

#include "dicom/dcmtk/segmentation.h"
#include "dicom/dcmtk/structure_set.h"
#include "dicom/objects/source_series.h"
#include "dicom/uids.h"
#include "message_of.h"
#include "nnunet/dicom/label_grid.h"
#include "small_files.h"

namespace nnunet::dicom {
namespace {

using nnunet::test::message_of;
using nnunet::test::TempFolder;
using test::bytes_of;
using test::make_series;
using test::ReadBack;

using Labels = Array<std::uint16_t>;

ObjectOptions named(const std::vector<std::pair<int, std::string>>& names) {
  ObjectOptions options;
  for (const auto& [value, name] : names) options.segments.push_back({.value = value, .name = name});
  return options;
}

/// Blobs of some values; the first and the last plane are empty.
Labels random_labels(const std::array<std::int64_t, 3>& shape, const std::vector<std::uint16_t>& values) {
  std::mt19937 random(7);
  Labels labels({shape[0], shape[1], shape[2]});
  for (std::int64_t z = 1; z + 1 < shape[0]; ++z)
    for (std::uint16_t& label : labels.slab(z))
      if (random() % 3 != 0) label = values[random() % values.size()];
  return labels;
}

std::uint16_t word(DcmItem& item, const DcmTagKey& tag, unsigned long at = 0) {
  Uint16 value = 0;
  require(item.findAndGetUint16(tag, value, at));
  return value;
}

/// Which plane of the series a frame says that it is, by its position.
std::int64_t plane_of(DcmItem& group, const Series& series) {
  const std::string position =
      ReadBack::text(ReadBack::item(group, DCM_PlanePositionSequence), DCM_ImagePositionPatient);
  for (std::size_t z = 0; z < series.frames.size(); ++z)
    if (decimals(series.frames[z].position) == position) return static_cast<std::int64_t>(z);
  ADD_FAILURE() << "no plane lies at " << position;
  return 0;
}

/// The label map that a reader makes of a segmentation, by segment numbers.
Labels read_labels(ReadBack& object, const Series& series, bool binary) {
  Labels labels({series.shape[0], series.shape[1], series.shape[2]});
  const auto area = static_cast<std::size_t>(series.shape[1] * series.shape[2]);
  const Uint8* bytes = nullptr;
  const Uint16* words = nullptr;
  const bool wide = word(object.data(), DCM_BitsAllocated) == 16;
  require(wide ? object.data().findAndGetUint16Array(DCM_PixelData, words)
               : object.data().findAndGetUint8Array(DCM_PixelData, bytes));
  const std::size_t frames = ReadBack::count(object.data(), DCM_PerFrameFunctionalGroupsSequence);
  for (std::size_t f = 0; f < frames; ++f) {
    DcmItem& group = ReadBack::item(object.data(), DCM_PerFrameFunctionalGroupsSequence, f);
    const auto to = labels.slab(plane_of(group, series));
    for (std::size_t i = 0, at = f * area; i < area; ++i, ++at) {
      if (!binary)
        to[i] = wide ? words[at] : bytes[at];
      else if ((bytes[at / 8] >> at % 8 & 1) != 0)
        to[i] = word(ReadBack::item(group, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber);
    }
  }
  return labels;
}

TEST(Segmentations, BinaryGivesTheLabelsBack) {
  const TempFolder folder;
  const Series series = make_series(folder, {5, 7, 9});
  const Labels labels = random_labels(series.shape, {1, 2, 3});
  write_segmentation(labels, series, named({{1, "liver"}, {2, "spleen"}, {3, "thing"}}), SegmentationType::binary,
                     folder / "seg.dcm");
  ReadBack object(folder / "seg.dcm");
  EXPECT_EQ(read_labels(object, series, true).values, labels.values);
  EXPECT_EQ(object.text(DCM_NumberOfFrames), "9") << "three segments on three planes that are not empty";
  EXPECT_EQ(object.text(DCM_SOPClassUID), "1.2.840.10008.5.1.4.1.1.66.4");
  EXPECT_EQ(object.text(DCM_SegmentationType), "BINARY");
}

TEST(Segmentations, ThatDoNotFitOnTheDiskLeaveTheFormerFile) {
  const TempFolder folder;
  const Series series = make_series(folder, {5, 7, 9});
  const Labels labels = random_labels(series.shape, {1, 2, 3});
  const auto file = folder / "seg.dcm";
  const auto write = [&] {
    write_segmentation(labels, series, named({{1, "liver"}, {2, "spleen"}, {3, "thing"}}), SegmentationType::binary,
                       file);
  };
  write();
  const std::string before = bytes_of(file);
  ASSERT_GT(before.size(), 400U);
  // The next object's UIDs are new, and may be some digits shorter.
  for (const std::size_t missing : {std::size_t{200}, before.size() / 2}) {
    const auto refusal = [&] {
      const nnunet::test::SmallFiles disk(before.size() - missing);
      return message_of(write);
    }();
    EXPECT_NE(refusal.find("seg.dcm: cannot be written"), std::string::npos) << refusal;
    EXPECT_EQ(bytes_of(file), before);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 6);
  }
}

TEST(Segmentations, LabelmapGivesTheLabelsBackInOneByteOrTwo) {
  const TempFolder folder;
  const Series series = make_series(folder, {4, 5, 3});
  for (const std::uint16_t largest : std::array<std::uint16_t, 3>{255, 256, 65535}) {
    const Labels labels = random_labels(series.shape, {2, largest});
    write_segmentation(labels, series, named({{2, "liver"}, {largest, "spleen"}}), SegmentationType::labelmap,
                       folder / "seg.dcm");
    ReadBack object(folder / "seg.dcm");
    EXPECT_EQ(word(object.data(), DCM_BitsAllocated), largest > 255 ? 16 : 8);
    EXPECT_EQ(read_labels(object, series, false).values, labels.values);
    EXPECT_EQ(object.text(DCM_SOPClassUID), "1.2.840.10008.5.1.4.1.1.66.7");
    EXPECT_EQ(object.text(DCM_NumberOfFrames), "2");
    EXPECT_EQ(word(ReadBack::item(object.data(), DCM_SegmentSequence, 0), DCM_SegmentNumber), 0) << "background";
    EXPECT_EQ(word(ReadBack::item(object.data(), DCM_SegmentSequence, 2), DCM_SegmentNumber), largest);
  }
}

TEST(Segmentations, BinaryCountsSegmentsWithoutGaps) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 4, 4});
  const Labels labels = random_labels(series.shape, {4, 9});
  write_segmentation(labels, series, named({{4, "liver"}, {6, "spleen"}, {9, "aorta"}}), SegmentationType::binary,
                     folder / "seg.dcm");
  ReadBack object(folder / "seg.dcm");
  Labels expected = labels;
  for (auto& value : expected.values) value = value == 4 ? 1 : value == 9 ? 3 : 0;
  EXPECT_EQ(read_labels(object, series, true).values, expected.values);
  EXPECT_EQ(ReadBack::text(ReadBack::item(object.data(), DCM_SegmentSequence, 2), DCM_SegmentDescription), "label 9");
}

TEST(Segmentations, WithoutAnyLabelKeepOneEmptyFrame) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 4, 4});
  const Labels labels({3, 4, 4});
  for (const auto type : {SegmentationType::binary, SegmentationType::labelmap}) {
    write_segmentation(labels, series, named({{1, "liver"}}), type, folder / "seg.dcm");
    ReadBack object(folder / "seg.dcm");
    EXPECT_EQ(object.text(DCM_NumberOfFrames), "1");
    EXPECT_EQ(read_labels(object, series, type == SegmentationType::binary).values, labels.values);
  }
}

TEST(Segmentations, ReferToTheSourcePlaneByPlane) {
  const TempFolder folder;
  Series series = make_series(folder, {4, 3, 3});
  series.frames[2].number = 3;
  const Labels labels = random_labels(series.shape, {1});
  write_segmentation(labels, series, named({{1, "liver"}}), SegmentationType::binary, folder / "seg.dcm");
  ReadBack object(folder / "seg.dcm");
  EXPECT_EQ(object.text(DCM_StudyInstanceUID), series.study_uid);
  EXPECT_EQ(object.text(DCM_FrameOfReferenceUID), series.frame_of_reference_uid);
  for (std::size_t f = 0; f < 2; ++f) {
    DcmItem& group = ReadBack::item(object.data(), DCM_PerFrameFunctionalGroupsSequence, f);
    const Frame& source = series.frames[static_cast<std::size_t>(plane_of(group, series))];
    DcmItem& image = ReadBack::item(ReadBack::item(group, DCM_DerivationImageSequence), DCM_SourceImageSequence);
    EXPECT_EQ(ReadBack::text(image, DCM_ReferencedSOPInstanceUID), source.sop_instance_uid);
    EXPECT_EQ(ReadBack::text(image, DCM_ReferencedFrameNumber), source.number == 3 ? "3" : "");
  }
  DcmItem& references = ReadBack::item(object.data(), DCM_ReferencedSeriesSequence);
  EXPECT_EQ(ReadBack::text(references, DCM_SeriesInstanceUID), series.series_uid);
  EXPECT_EQ(ReadBack::count(references, DCM_ReferencedInstanceSequence), 4U);
}

TEST(Segmentations, SayWhatWhoAndThatTheyAreNoDevice) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3});
  ObjectOptions options = named({{1, "kidney_cyst_left"}, {2, "kidney_left"}});
  options.algorithm = "Model of ours";
  options.description = std::string(80, 'x');
  write_segmentation(random_labels(series.shape, {1, 2}), series, options, SegmentationType::binary,
                     folder / "seg.dcm");
  ReadBack object(folder / "seg.dcm");
  const std::string description = object.text(DCM_SeriesDescription);
  EXPECT_NE(description.find("not a medical device"), std::string::npos);
  EXPECT_EQ(description.size(), 64U);
  DcmItem& cyst = ReadBack::item(object.data(), DCM_SegmentSequence, 0);
  EXPECT_EQ(ReadBack::text(ReadBack::item(cyst, DCM_SegmentedPropertyTypeCodeSequence), DCM_CodeMeaning), "Cyst");
  DcmItem& region = ReadBack::item(cyst, DCM_AnatomicRegionSequence);
  EXPECT_EQ(ReadBack::text(region, DCM_CodeMeaning), "Kidney");
  EXPECT_EQ(ReadBack::text(ReadBack::item(region, DCM_AnatomicRegionModifierSequence), DCM_CodeMeaning), "Left");
  DcmItem& kidney =
      ReadBack::item(ReadBack::item(object.data(), DCM_SegmentSequence, 1), DCM_SegmentedPropertyTypeCodeSequence);
  EXPECT_EQ(ReadBack::text(ReadBack::item(kidney, DCM_SegmentedPropertyTypeModifierCodeSequence), DCM_CodeMeaning),
            "Left");
  DcmItem& algorithm = ReadBack::item(cyst, DCM_SegmentationAlgorithmIdentificationSequence);
  EXPECT_EQ(ReadBack::text(algorithm, DCM_AlgorithmName), "Model of ours");
}

TEST(Segmentations, SayThatAnInstanceOfTheSourceWasCompressedWithLosses) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3});
  const auto written = [&] {
    write_segmentation(random_labels(series.shape, {1}), series, named({{1, "liver"}}), SegmentationType::binary,
                       folder / "seg.dcm");
    return ReadBack(folder / "seg.dcm");
  };
  EXPECT_EQ(written().text(DCM_LossyImageCompression), "00");
  ReadBack source(series.frames[1].file);
  put(source.data(), DCM_LossyImageCompression, EVR_CS, "01");
  put(source.data(), DCM_LossyImageCompressionRatio, EVR_DS, "12.5");
  source.save(series.frames[1].file);
  ReadBack lossy = written();
  EXPECT_EQ(lossy.text(DCM_LossyImageCompression), "01");
  EXPECT_EQ(lossy.text(DCM_LossyImageCompressionRatio), "12.5");
  EXPECT_FALSE(lossy.data().tagExists(DCM_LossyImageCompressionMethod)) << "the source does not say it";
}

/// Both kinds of object.
void write_both(const Labels& labels, const Series& series, const ObjectOptions& options, const TempFolder& folder) {
  write_segmentation(labels, series, options, SegmentationType::binary, folder / "seg.dcm");
  write_structure_set(labels, series, options, folder / "rt.dcm");
}

TEST(Identity, OnlyWhatIsDemandedIsCopied) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3});
  write_both(random_labels(series.shape, {1}), series, named({{1, "liver"}}), folder);
  for (const char* const name : {"seg.dcm", "rt.dcm"}) {
    ReadBack object(folder / name);
    EXPECT_EQ(object.text(DCM_PatientName), "Doe^Jane");
    EXPECT_EQ(object.text(DCM_PatientID), "PATIENT-17");
    EXPECT_EQ(object.text(DCM_StudyDate), "20230405");
    const std::string bytes = bytes_of(folder / name);
    for (const char* const text : {"Nowhere", "Lane 5", "Knee"}) EXPECT_EQ(bytes.find(text), std::string::npos) << text;
  }
}

TEST(Identity, AnonymousObjectsHoldNone) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3});
  ObjectOptions options = named({{1, "liver"}});
  options.anonymous = true;
  write_both(random_labels(series.shape, {1}), series, options, folder);
  for (const char* const name : {"seg.dcm", "rt.dcm"}) {
    const std::string bytes = bytes_of(folder / name);
    for (const char* const text : {"Doe", "Jane", "PATIENT-17", "19560728", "20230405", "ACC-9", "Nowhere"})
      EXPECT_EQ(bytes.find(text), std::string::npos) << text;
    ReadBack object(folder / name);
    EXPECT_EQ(object.text(DCM_PatientIdentityRemoved), "YES");
    EXPECT_TRUE(object.data().tagExists(DCM_PatientName)) << "it is there, without a value";
  }
}

TEST(Identity, CharacterSetsAreCarriedOver) {
  const TempFolder folder;
  const std::string latin = "M\xfcller^J\xf6rg";
  const Series series = make_series(folder, {3, 3, 3}, {.name = latin});
  const Labels labels = random_labels(series.shape, {1});
  write_both(labels, series, named({{1, "liver"}}), folder);
  ReadBack object(folder / "seg.dcm");
  EXPECT_EQ(object.text(DCM_SpecificCharacterSet), "ISO_IR 100");
  EXPECT_EQ(object.text(DCM_PatientName), latin);
  // A label beyond ASCII takes the whole object to Unicode.
  write_both(labels, series, named({{1, "Leberl\u00e4sion"}}), folder);
  ReadBack other(folder / "seg.dcm");
  EXPECT_EQ(other.text(DCM_SpecificCharacterSet), "ISO_IR 192");
  EXPECT_EQ(other.text(DCM_PatientName), "M\u00fcller^J\u00f6rg");
  EXPECT_EQ(ReadBack::text(ReadBack::item(other.data(), DCM_SegmentSequence), DCM_SegmentLabel), "Leberl\u00e4sion");
}

struct Script {
  std::string set, name, unicode;
};

/// Of a patient with that name, whose label has that one; the character set and the patient's name in the object.
std::pair<std::string, std::string> written_name(const Script& script, const std::string& label) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3}, {.name = script.name, .character_set = script.set});
  write_structure_set(random_labels(series.shape, {1}), series, named({{1, label}}), folder / "rt.dcm");
  ReadBack object(folder / "rt.dcm");
  return {object.text(DCM_SpecificCharacterSet), object.text(DCM_PatientName)};
}

TEST(Identity, OtherScriptsBecomeUnicodeWhereLabelsNeedIt) {
  const std::string wang = "Wang^XiaoDong=\u738b^\u5c0f\u6771";
  for (const Script& script :
       {Script{"ISO_IR 192", wang, wang},
        Script{"ISO_IR 144", "\xbb\xee\xda\x63\xd1\xe0\xd8\xd3", "\u041b\u044e\u043a\u0063\u0431\u0440\u0438\u0433"}}) {
    EXPECT_EQ(written_name(script, "liver"), std::pair(script.set, script.name));
    EXPECT_EQ(written_name(script, "L\u00e4sion"), std::pair(std::string("ISO_IR 192"), script.unicode));
  }
}

// ISO 2022 is made of bytes that are ASCII elsewhere. DCMTK changes it where its iconv can.
TEST(Identity, Iso2022IsNeverTakenForAscii) {
  const Script yamada{"\\ISO 2022 IR 87", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
                      "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"};
  EXPECT_EQ(written_name(yamada, "liver"), std::pair(yamada.set, yamada.name));
  try {
    EXPECT_EQ(written_name(yamada, "L\u00e4sion"), std::pair(std::string("ISO_IR 192"), yamada.unicode));
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("ASCII"), std::string::npos) << error.what();
  }
}

TEST(Identity, UnknownCharacterSetsAreRefusedWhereTheyWouldBeMixed) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3}, {.name = "M\xfcller", .character_set = ""});
  const Labels labels = random_labels(series.shape, {1});
  write_both(labels, series, named({{1, "liver"}}), folder);
  const std::string message = message_of([&] {
    write_segmentation(labels, series, named({{1, "L\u00e4sion"}}), SegmentationType::binary, folder / "no.dcm");
  });
  EXPECT_NE(message.find("ASCII"), std::string::npos) << message;
  EXPECT_EQ(message.find("ller"), std::string::npos) << "no patient in messages: " << message;
  EXPECT_FALSE(std::filesystem::exists(folder / "no.dcm"));
}

/// Whether the centre of a voxel lies in the polygon of ContourData, in voxels of the series.
bool contains(const std::vector<std::array<double, 2>>& points, double x, double y) {
  bool inside = false;
  for (std::size_t i = 0, j = points.size() - 1; i < points.size(); j = i++)
    if ((points[i][1] > y) != (points[j][1] > y) &&
        x < (points[j][0] - points[i][0]) * (y - points[i][1]) / (points[j][1] - points[i][1]) + points[i][0])
      inside = !inside;
  return inside;
}

std::vector<std::array<double, 2>> points_in_voxels(DcmItem& contour, const Series& series, const Frame& frame) {
  std::istringstream numbers(ReadBack::text(contour, DCM_ContourData));
  std::vector<double> mm;
  for (std::string number; std::getline(numbers, number, '\\');) mm.push_back(std::stod(number));
  std::vector<std::array<double, 2>> points;
  for (std::size_t i = 0; i + 2 < mm.size(); i += 3) {
    double x = 0, y = 0, off = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double d = mm[i + axis] - frame.position[axis];
      x += d * series.row[axis] / series.spacing[2];
      y += d * series.column[axis] / series.spacing[1];
      off += d * (axis == 0 ? -0.8 : axis == 1 ? 0.6 : 0);
    }
    EXPECT_NEAR(off, 0, 1e-3) << "the contour lies in its plane";
    points.push_back({x, y});
  }
  return points;
}

TEST(StructureSets, ContoursEncloseTheLabels) {
  const TempFolder folder;
  const Series series = make_series(folder, {4, 12, 15});
  const Labels labels = random_labels(series.shape, {1, 3});
  write_structure_set(labels, series, named({{1, "liver"}, {2, "spleen"}, {3, "kidney_left"}}), folder / "rt.dcm");
  ReadBack object(folder / "rt.dcm");
  Labels read({4, 12, 15});
  ASSERT_EQ(ReadBack::count(object.data(), DCM_ROIContourSequence), 3U);
  const std::vector<std::uint16_t> values{1, 2, 3};
  for (std::size_t roi = 0; roi < 3; ++roi) {
    DcmItem& region = ReadBack::item(object.data(), DCM_ROIContourSequence, roi);
    for (std::size_t c = 0; c < ReadBack::count(region, DCM_ContourSequence); ++c) {
      DcmItem& contour = ReadBack::item(region, DCM_ContourSequence, c);
      const std::string uid =
          ReadBack::text(ReadBack::item(contour, DCM_ContourImageSequence), DCM_ReferencedSOPInstanceUID);
      const auto frame = std::ranges::find(series.frames, uid, &Frame::sop_instance_uid);
      ASSERT_NE(frame, series.frames.end());
      const auto points = points_in_voxels(contour, series, *frame);
      EXPECT_EQ(ReadBack::text(contour, DCM_NumberOfContourPoints), std::to_string(points.size()));
      const auto plane = read.slab(frame - series.frames.begin());
      for (std::int64_t y = 0; y < 12; ++y)
        for (std::int64_t x = 0; x < 15; ++x)
          if (contains(points, static_cast<double>(x), static_cast<double>(y)))
            plane[static_cast<std::size_t>(y * 15 + x)] = values[roi];
    }
  }
  EXPECT_EQ(read.values, labels.values);
}

TEST(StructureSets, SayWhoseTheyAre) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 4, 4});
  write_structure_set(random_labels(series.shape, {1}), series, named({{1, "liver"}}), folder / "rt.dcm");
  ReadBack object(folder / "rt.dcm");
  EXPECT_EQ(object.text(DCM_Modality), "RTSTRUCT");
  EXPECT_EQ(object.text(DCM_StudyInstanceUID), series.study_uid);
  DcmItem& frame = ReadBack::item(object.data(), DCM_ReferencedFrameOfReferenceSequence);
  EXPECT_EQ(ReadBack::text(frame, DCM_FrameOfReferenceUID), series.frame_of_reference_uid);
  DcmItem& study = ReadBack::item(frame, DCM_RTReferencedStudySequence);
  EXPECT_EQ(ReadBack::text(study, DCM_ReferencedSOPInstanceUID), series.study_uid);
  DcmItem& references = ReadBack::item(study, DCM_RTReferencedSeriesSequence);
  EXPECT_EQ(ReadBack::text(references, DCM_SeriesInstanceUID), series.series_uid);
  EXPECT_EQ(ReadBack::count(references, DCM_ContourImageSequence), 3U);
}

TEST(Objects, WhatDoesNotFitIsRefusedAndNothingIsLeft) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 4, 4});
  const auto refusal = [&](const Labels& labels, const ObjectOptions& options) {
    return message_of(
        [&] { write_segmentation(labels, series, options, SegmentationType::binary, folder / "seg.dcm"); });
  };
  EXPECT_NE(refusal(Labels({3, 4, 5}), named({{1, "liver"}})).find("3x4x5"), std::string::npos);
  EXPECT_NE(refusal(random_labels(series.shape, {2}), named({{1, "liver"}})).find("the value 2"), std::string::npos);
  EXPECT_NE(refusal(Labels({3, 4, 4}), {}).find("no label"), std::string::npos);
  std::filesystem::remove(series.frames[0].file);
  EXPECT_NE(refusal(Labels({3, 4, 4}), named({{1, "liver"}})).find("slice0.dcm"), std::string::npos);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_TRUE(entry.path().filename().string().starts_with("slice")) << entry.path();
}

TEST(Objects, HaveUidsOfTheirOwnEachTime) {
  const TempFolder folder;
  const Series series = make_series(folder, {3, 3, 3});
  std::set<std::string> uids{series.series_uid};
  for (int i = 0; i < 3; ++i) {
    write_both(random_labels(series.shape, {1}), series, named({{1, "liver"}}), folder);
    for (const char* const name : {"seg.dcm", "rt.dcm"}) {
      ReadBack object(folder / name);
      EXPECT_TRUE(uids.insert(object.text(DCM_SOPInstanceUID)).second);
      EXPECT_TRUE(uids.insert(object.text(DCM_SeriesInstanceUID)).second);
    }
  }
  for (int i = 0; i < 1000; ++i) {
    const std::string uid = new_uid();
    EXPECT_LE(uid.size(), 44U);
    EXPECT_EQ(uid.find_first_not_of("0123456789."), std::string::npos);
    EXPECT_TRUE(uid.starts_with("2.25.") && uid[5] != '0') << uid;
  }
}

/// The series' grid in a file whose axes are turned: new axis i (x, y, z) is the old source[i], the other way round
/// where flip[i].
WideLabelMap turned(const Labels& labels, const Series& series, const std::array<int, 3>& source,
                    const std::array<bool, 3>& flip) {
  std::array<std::array<double, 3>, 3> axes{};  // RAS, by the series' x, y, z
  for (std::size_t i = 0; i < 3; ++i) {
    const double sign = i < 2 ? -1 : 1;
    axes[0][i] = sign * series.row[i] * series.spacing[2];
    axes[1][i] = sign * series.column[i] * series.spacing[1];
    axes[2][i] = sign * (series.frames[1].position[i] - series.frames[0].position[i]);
  }
  const std::array<std::int64_t, 3> size{labels.size(2), labels.size(1), labels.size(0)};
  WideLabelMap map;
  std::array<std::int64_t, 3> new_size{};
  for (std::size_t i = 0; i < 3; ++i) new_size[i] = size[static_cast<std::size_t>(source[i])];
  map.voxels = Labels({new_size[2], new_size[1], new_size[0]});
  for (std::size_t i = 0; i < 3; ++i) map.geometry.affine[i][3] = (i < 2 ? -1 : 1) * series.frames[0].position[i];
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t i = 0; i < 3; ++i) {
      const auto old = static_cast<std::size_t>(source[n]);
      map.geometry.affine[i][n] = axes[old][i] * (flip[n] ? -1 : 1);
      if (flip[n]) map.geometry.affine[i][3] += axes[old][i] * static_cast<double>(size[old] - 1);
    }
  map.geometry.affine[3] = {0, 0, 0, 1};
  std::uint16_t* to = map.voxels.data();
  std::array<std::int64_t, 3> at{};
  for (at[2] = 0; at[2] < new_size[2]; ++at[2])
    for (at[1] = 0; at[1] < new_size[1]; ++at[1])
      for (at[0] = 0; at[0] < new_size[0]; ++at[0]) {
        std::array<std::int64_t, 3> old{};
        for (std::size_t n = 0; n < 3; ++n)
          old[static_cast<std::size_t>(source[n])] = flip[n] ? new_size[n] - 1 - at[n] : at[n];
        *to++ = labels.values[static_cast<std::size_t>((old[2] * size[1] + old[1]) * size[0] + old[0])];
      }
  return map;
}

TEST(Grids, TurnedAndFlippedLabelMapsComeBack) {
  const TempFolder folder;
  const Series series = make_series(folder, {4, 3, 5});
  const Labels labels = random_labels(series.shape, {1, 2, 3});
  for (const std::array<int, 3>& source : {std::array{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}})
    for (unsigned flips = 0; flips < 8; ++flips) {
      const auto map = turned(labels, series, source, {(flips & 1U) != 0, (flips & 2U) != 0, (flips & 4U) != 0});
      EXPECT_EQ(labels_on_series(map, series, "map").values, labels.values);
    }
}

TEST(Grids, OtherGridsAreRefused) {
  const TempFolder folder;
  const Series series = make_series(folder, {4, 3, 5});
  const Labels labels = random_labels(series.shape, {1});
  const WideLabelMap right = turned(labels, series, {0, 1, 2}, {});
  const auto refusal = [&](const WideLabelMap& map) {
    return message_of([&] { labels_on_series(map, series, "map.nii.gz"); });
  };
  EXPECT_EQ(refusal(right), "");
  WideLabelMap moved = right, stretched = right, smaller = right;
  moved.geometry.affine[1][3] += 0.2;
  stretched.geometry.affine[0][0] *= 1.1;
  smaller.voxels = Labels({4, 3, 4});
  for (const WideLabelMap& wrong : {moved, stretched, smaller})
    EXPECT_NE(refusal(wrong).find("map.nii.gz"), std::string::npos);
}

}  // namespace
}  // namespace nnunet::dicom
