// What is found in folders as they are: several series, what is no image, what is damaged, and what makes no volume.
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "message_of.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/io/zip_archive.h"
#include "reference/shared.h"

namespace nnunet::dicom {
namespace {

using test::DicomBytes;
using test::DicomSlice;
using test::message_of;
using test::write_bytes;

class FindSeries : public testing::Test {
 protected:
  void SetUp() override { NNUNET_NEEDS_DICOM(); }

  /// Why three or more planes, each changed so, are no volume.
  template <class Change>
  std::string problem_with(Change change, int count = 4) {
    const std::filesystem::path folder = folder_ / "series";
    std::filesystem::remove_all(folder);
    test::write_series(folder, count, change);
    const Finding finding = find_series(folder);
    EXPECT_EQ(finding.series.size(), 1U);
    const FoundSeries& found = finding.series.at(0);
    EXPECT_EQ(message_of([&] { read_series(found); }).empty(), found.problem.empty());
    return found.problem;
  }
  /// What is said of a file beside a whole series, which must be read all the same.
  std::string reason_for(const std::string& bytes) {
    const std::filesystem::path folder = folder_ / "mixed";
    std::filesystem::remove_all(folder);
    test::write_series(folder, 3);
    write_bytes(folder / "other", bytes);
    const Finding finding = find_series(folder);
    EXPECT_EQ(finding.series.size(), 1U);
    EXPECT_EQ(finding.series.at(0).problem, "");
    EXPECT_EQ(finding.series.at(0).series.shape[0], 3);
    if (finding.left_out.empty()) return finding.others == 1 ? "no DICOM" : "";
    EXPECT_EQ(finding.left_out.at(0).file, (folder / "other").string());
    return finding.left_out.at(0).reason;
  }
  /// Of a file by itself.
  std::string reason_or_problem(const std::string& bytes) {
    write_bytes(folder_ / "file", bytes);
    const Finding finding = find_series(folder_ / "file");
    return finding.series.empty() ? finding.left_out.at(0).reason : finding.series[0].problem;
  }
  test::TempFolder folder_;
};

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(FindSeries, PlacesThatMakeNoVolumeAreRefused) {
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.position[2] += z > 1 ? 4 : 0; }), "planes are missing: 2");
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.position[2] += z > 1 ? 0.7 : 0; }), "unevenly far");
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.position[0] += z == 1 ? 3 : 0; }), "shifted against each other");
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.position[2] = 30 + 2.0 * (z / 2); }), "2 of its 4 planes lie");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.orientation = "1\\0\\0\\1\\0\\0"; }), "perpendicular");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.spacing = "0\\1"; }), "pixel spacing");
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.orientation = z > 1 ? "0\\1\\0\\0\\0\\-1" : s.orientation; }),
             "different sizes or directions");
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.frame_of_reference = z > 1 ? "1.2.9" : "1.2.8"; }),
             "several frames of reference");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.slope = "0"; }), "slope is 0");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.stored = 17; }), "bits of a voxel");
  // Rounded places are none of these.
  EXPECT_EQ(problem_with([](DicomSlice& s, int z) { s.position[2] += z % 2 * 0.05; }), "");
}

TEST_F(FindSeries, CopiesAreTakenOnce) {
  test::write_series(folder_.path(), 3);
  write_bytes(folder_ / "copy", test::dicom_slice(1).file());
  const FoundSeries found = find_series(folder_.path()).series.at(0);
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.series.shape[0], 3);
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_HAS(found.warnings[0], "1 planes are there twice");
}

// What says that it is the same instance is only taken for it where its pixels are the same, too.
TEST_F(FindSeries, CopiesMayBeWrittenInAnotherWay) {
  test::write_series(folder_.path(), 3);
  DicomSlice slice = test::dicom_slice(1);
  const auto big = [](const DicomSlice& s) {
    const auto form = test::DicomForm::explicit_big;
    return test::dicom_file("1.2.840.10008.1.2.2", s.header(form).element(0x7fe00010, "OW", s.pixels(form)).bytes());
  };
  write_bytes(folder_ / "copy", big(slice));
  EXPECT_EQ(find_series(folder_.path()).series.at(0).problem, "");
  EXPECT_EQ(find_series(folder_.path()).series.at(0).series.shape[0], 3);
  slice.values[5] = 77;
  write_bytes(folder_ / "copy", big(slice));
  EXPECT_HAS(find_series(folder_.path()).series.at(0).problem, "1 of its 4 planes lie where another one does");
}

TEST_F(FindSeries, SeriesOfSeveralModalitiesAreRefused) {
  EXPECT_HAS(problem_with([](DicomSlice& s, int z) { s.modality = z > 1 ? "PT" : "CT"; }), "several modalities");
}

TEST_F(FindSeries, NumbersThatMakeNoSenseAreRefused) {
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.position[2] = 1e300; }), "make no sense");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.orientation = "1e200\\0\\0\\0\\1\\0"; }), "make no sense");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.spacing = "1e30\\1"; }), "make no sense");
  EXPECT_HAS(problem_with([](DicomSlice& s, int) { s.slope = "1e300"; }), "make no sense");
  DicomSlice text = test::dicom_slice(7);
  text.orientation = "1\\0\\0\\0\\nan\\0";
  EXPECT_HAS(reason_for(text.file()), "no place in the patient");
}

// Whoever is named there: in Shift JIS with its escape sequences, in Latin 1, or in bytes that are no text at all.
TEST_F(FindSeries, NamesInAnyEncoding) {
  const auto named = [](DicomSlice slice, const std::string& character_set, const std::string& name) {
    slice.more = DicomBytes().text(0x00080005, "CS", character_set).text(0x00100010, "PN", name).bytes();
    return slice.file();
  };
  write_bytes(folder_ / "M\xfcller", named(test::dicom_slice(0), "ISO_IR 100", "M\xfcller^J\xf6rg"));
  write_bytes(folder_ / "\xe5\xb1\xb1", named(test::dicom_slice(1), "\\ISO 2022 IR 87", "Yamada=\x1b$B;3ED\x1b(B"));
  write_bytes(folder_ / "c", named(test::dicom_slice(2), "nonsense", std::string("\xff\xfe\0\x1b", 4)));
  const Finding finding = find_series(folder_.path());
  ASSERT_EQ(finding.series.size(), 1U);
  EXPECT_EQ(finding.series[0].problem, "");
  EXPECT_EQ(read_series(finding.series[0]).voxels.size(1), 3);
}

TEST_F(FindSeries, WhatIsNoPartOfAVolumeIsLeftOut) {
  DicomSlice scout = test::dicom_slice(7), colour = scout, capture = scout, mask = scout, empty = scout;
  scout.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
  EXPECT_EQ(reason_for(scout.file()), "is a localizer");
  colour.samples = 3;
  colour.photometric = "RGB";
  EXPECT_EQ(reason_for(colour.file()), "is in colour");
  capture.placed = false;
  EXPECT_HAS(reason_for(capture.file()), "no place in the patient");
  mask.modality = "SEG";
  EXPECT_EQ(reason_for(mask.file()), "is no image, but SEG");
  EXPECT_EQ(reason_for(test::dicom_file("1.2.840.10008.1.2.1", scout.header().bytes())), "is no image");
  empty.rows = 0;
  EXPECT_EQ(reason_for(empty.file()), "is an image without pixels");
  EXPECT_EQ(reason_for("some text that is long enough to be a header"), "no DICOM");
  EXPECT_EQ(reason_for(""), "no DICOM");
}

TEST_F(FindSeries, DamagedFilesAreNamed) {
  const std::string whole = test::dicom_slice(2).file();
  const auto problem = [&](const std::string& bytes) {
    const std::filesystem::path folder = folder_ / "damaged";
    std::filesystem::remove_all(folder);
    test::write_series(folder, 2);
    write_bytes(folder / "last", bytes);
    const Finding finding = find_series(folder);
    return finding.series.at(0).problem + (finding.left_out.empty() ? "" : finding.left_out[0].reason);
  };
  EXPECT_HAS(problem(whole.substr(0, whole.size() - 5)), "last: the file is truncated");
  EXPECT_HAS(problem(whole.substr(0, 305)), "truncated");
  DicomSlice slice = test::dicom_slice(2);
  slice.values.resize(10);
  EXPECT_HAS(problem(slice.file()), "too short (20 of 48 bytes)");
  slice.values.clear();
  EXPECT_HAS(problem(slice.file()), "pixel data are empty");
  EXPECT_HAS(problem(test::dicom_file("1.2.840.10008.1.2.4.102", slice.header().fragments({"x"}).bytes())),
             "transfer syntax is not supported");
  EXPECT_HAS(problem(test::dicom_file("1.2.840.10008.1.2.5", slice.header().fragments({}).bytes())), "holds 0");
}

// A few bytes that promise gigabytes, or go down without end, cost nothing.
TEST_F(FindSeries, PromisesAreNotBelieved) {
  EXPECT_HAS(reason_for(test::dicom_file("1.2.840.10008.1.2.1",
                                         DicomBytes().head(0x00080070, "UN", 0xfffffff0).raw("abcd").bytes())),
             "longer than the file");
  DicomBytes deep;
  for (int i = 0; i < 10000; ++i) deep.head(0x00081140, "SQ", 0xffffffff).tag(0xfffee000).number(0xffffffff, 4);
  EXPECT_HAS(reason_for(test::dicom_file("1.2.840.10008.1.2.1", deep.bytes())), "nests sequences too deeply");
  DicomSlice slice = test::dicom_slice(5);
  DicomBytes frames = slice.header();
  frames.text(0x00280008, "IS", "2000000000").element(0x7fe00010, "OW", slice.pixels());
  slice.series = "1.2.3.5";
  write_bytes(folder_ / "frames", test::dicom_file("1.2.840.10008.1.2.1", frames.bytes()));
  EXPECT_HAS(find_series(folder_ / "frames").series.at(0).problem, "too short");
  // 2^60 voxels of 16 bits: as many bits as 64 bits cannot count.
  slice.rows = slice.columns = 1 << 15;
  frames = slice.header();
  frames.text(0x00280008, "IS", "1073741824").element(0x7fe00010, "OW", slice.pixels());
  write_bytes(folder_ / "frames", test::dicom_file("1.2.840.10008.1.2.1", frames.bytes()));
  EXPECT_HAS(find_series(folder_ / "frames").series.at(0).problem, "too short");
  // Frames of a voxel each, of which a record would be kept.
  slice.rows = slice.columns = 1;
  slice.allocated = slice.stored = 8;
  slice.high_bit = 7;
  frames = slice.header();
  frames.text(0x00280008, "IS", "1048578").element(0x7fe00010, "OB", std::string(1048578, 'x'));
  write_bytes(folder_ / "frames", test::dicom_file("1.2.840.10008.1.2.1", frames.bytes()));
  EXPECT_HAS(find_series(folder_ / "frames").series.at(0).problem, "more frames than the limit");
  // A picture of 4 GiB in a few bytes.
  slice.rows = slice.columns = 65535;
  EXPECT_HAS(reason_or_problem(test::dicom_file("1.2.840.10008.1.2.5", slice.header().fragments({"abcd"}).bytes())),
             "unpack to far more");
}

// 100 MiB of zeros deflate to 100 KiB.
TEST_F(FindSeries, DeflatedBombsAreNotUnpacked) {
  DicomBytes d = test::dicom_slice(0).header();
  d.element(0x7fe00010, "OW", std::string(std::size_t{100} << 20U, '\0'));
  EXPECT_HAS(reason_for(test::dicom_file("1.2.840.10008.1.2.1.99", test::deflated(d.bytes()))), "unpacks to far more");
}

/// Each of its entries has a few bytes and says that it unpacks to 2 GiB.
std::string promising_zip(std::size_t entries) {
  std::vector<std::pair<std::string, std::string>> files;
  for (std::size_t i = 0; i < entries; ++i) files.emplace_back(std::to_string(i), "packed");
  std::string zip = test::stored_zip(files);
  for (std::size_t at = zip.find("PK\x01\x02"); at != std::string::npos; at = zip.find("PK\x01\x02", at + 1)) {
    zip[at + 10] = 8;  // deflated
    zip.replace(at + 24, 4, std::string("\0\0\0\x80", 4));
  }
  return zip;
}

TEST_F(FindSeries, ZipsMayUnpackToFourGibibytesOrManyTimesTheirSize) {
  write_bytes(folder_ / "some.zip", promising_zip(2));
  EXPECT_NO_THROW(require_plausible_size(ZipArchive(folder_ / "some.zip")));
  write_bytes(folder_ / "bomb.zip", promising_zip(3));
  EXPECT_HAS(message_of([&] { find_series(folder_ / "bomb.zip"); }), "unpacks to far more than it holds itself");
}

TEST_F(FindSeries, UidsThatAreNoneAreMadeUp) {
  test::write_series(folder_.path(), 3, [](DicomSlice& slice, int z) {
    slice.study = "";
    slice.series = "1.2.3 <series>";
    slice.frame_of_reference = "";
    if (z == 1) slice.instance = "";
  });
  const FoundSeries found = find_series(folder_.path()).series.at(0), again = find_series(folder_.path()).series.at(0);
  const Series& series = found.series;
  EXPECT_EQ(found.problem, "");
  EXPECT_TRUE(series.invented_uids);
  std::set<std::string> uids{series.study_uid, series.series_uid, series.frame_of_reference_uid,
                             series.frames[1].sop_instance_uid};
  EXPECT_EQ(uids.size(), 4U);
  for (const std::string& uid : uids) {
    EXPECT_TRUE(uid.starts_with("2.25.")) << uid;
    EXPECT_LE(uid.size(), 44U);
    EXPECT_EQ(uid.find_first_not_of("0123456789."), std::string::npos);
  }
  EXPECT_EQ(series.frames[0].sop_instance_uid, "1.2.3.4.1");
  EXPECT_EQ(series.series_uid, again.series.series_uid);
  EXPECT_EQ(series.frames[1].sop_instance_uid, again.series.frames[1].sop_instance_uid);
  // Whatever the files are called.
  std::filesystem::rename(folder_ / "00.dcm", folder_ / "z");
  EXPECT_EQ(find_series(folder_.path()).series.at(0).series.series_uid, series.series_uid);
}

TEST_F(FindSeries, SeriesAreChosenByUid) {
  test::write_series(folder_ / "a", 3);
  test::write_series(folder_ / "b", 2, [](DicomSlice& slice, int) { slice.series = "1.2.3.5"; });
  test::write_series(folder_ / "c", 3, [](DicomSlice& slice, int z) {
    slice.series = "1.2.3.6";
    slice.position[2] += z == 2 ? 8 : 0;
  });
  const auto choose = [&](const std::vector<std::string>& uids) {
    return choose_series(find_series(folder_.path()), folder_.path(), uids);
  };
  const std::string none = message_of([&] { choose({}); });
  EXPECT_HAS(none, "holds 3 series: 1.2.3.4 (CT, 3x4x6), 1.2.3.5 (CT, 2x4x6)");
  EXPECT_HAS(none, "--dicom_series");
  EXPECT_EQ(choose({"1.2.3.5"}).at(0).series.shape[0], 2);
  EXPECT_EQ(choose({"all"}).size(), 2U);
  EXPECT_HAS(message_of([&] { choose({"1.2.3.7"}); }), "is not in");
  EXPECT_HAS(message_of([&] { choose({"1.2.3.6"}); }), "planes are missing");

  const auto two = choose({"1.2.3.4", "1.2.3.5"});
  const auto cases = series_cases(two, 1);
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[1].name, "1.2.3.5");
  EXPECT_EQ(cases[1].channels.size(), 2U);
  EXPECT_EQ(cases[1].read().voxels.size(1), 2);
  EXPECT_HAS(message_of([&] { series_cases(two, 3); }), "3 channels");
  EXPECT_HAS(message_of([&] { series_cases(two, 2).at(0).read(); }), "2x4x6");  // not on one grid
}

TEST_F(FindSeries, OneFileOfASeriesIsSaidToBeASinglePlane) {
  test::write_series(folder_ / "a", 3);
  std::vector<std::string> warnings;
  ChoiceTerms terms;
  terms.warn = [&](const std::string& text) { warnings.push_back(text); };
  choose_series(find_series(folder_ / "a"), folder_ / "a", {}, terms);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(choose_series(find_series(folder_ / "a/00.dcm"), folder_ / "a/00.dcm", {}, terms).size(), 1U);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_HAS(warnings[0], "00.dcm: is a single plane; where there are more of its series, give their folder");
}

/// Another user than root, who may look into everything.
class Somebody {
 public:
  Somebody() { EXPECT_EQ(::seteuid(root_ ? 65534 : ::geteuid()), 0); }
  ~Somebody() { EXPECT_EQ(::seteuid(root_ ? 0 : ::geteuid()), 0); }
  Somebody(const Somebody&) = delete;
  Somebody& operator=(const Somebody&) = delete;

 private:
  bool root_ = ::geteuid() == 0;
};

TEST_F(FindSeries, FoldersThatCannotBeOpenedAreNamed) {
  test::write_series(folder_ / "a", 3);
  test::write_series(folder_ / "a/closed", 2, [](DicomSlice& slice, int) { slice.series = "1.2.3.5"; });
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(folder_ / "a/closed", std::filesystem::perms::none);
  {
    const Somebody somebody;
    const Finding finding = find_series(folder_ / "a");
    EXPECT_EQ(finding.series.size(), 1U);
    ASSERT_EQ(finding.left_out.size(), 1U);
    EXPECT_HAS(finding.left_out[0].file, "a/closed");
    EXPECT_EQ(finding.left_out[0].reason, "is a folder that cannot be opened");
    EXPECT_HAS(message_of([&] { find_series(folder_ / "a/closed"); }), "a/closed: the folder cannot be opened");
    EXPECT_HAS(message_of([&] { is_dicom_input(folder_ / "a/closed", ImageFormat()); }), "the folder cannot be opened");
    EXPECT_HAS(message_of([&] { find_series(folder_ / "a/closed/00.dcm"); }), "00.dcm: Permission denied");
  }
  std::filesystem::permissions(folder_ / "a/closed", std::filesystem::perms::owner_all);
}

TEST_F(FindSeries, NothingSaysWhoThePatientIs) {
  test::write_series(folder_ / "a", 3);
  write_bytes(folder_ / "a/x", test::dicom_slice(9).file().substr(0, 500));
  const std::string text = finding_text(find_series(folder_.path()));
  EXPECT_EQ(text.find("Jane"), std::string::npos);
  EXPECT_EQ(text.find("4711"), std::string::npos);
  EXPECT_HAS(text, "1.2.3.4");
}

TEST_F(FindSeries, KnowsWhatIsDicom) {
  const ImageFormat nifti;
  test::write_series(folder_ / "a/b", 2);
  EXPECT_TRUE(is_dicom_input(folder_ / "a", nifti));
  EXPECT_TRUE(is_dicom_input(folder_ / "a/b/00.dcm", nifti));
  write_bytes(folder_ / "a/image.nii.gz", "x");
  EXPECT_FALSE(is_dicom_input(folder_ / "a", nifti));
  write_bytes(folder_ / "text/readme", "some text");
  EXPECT_FALSE(is_dicom_input(folder_ / "text", nifti));
  EXPECT_FALSE(is_dicom_input(folder_ / "absent", nifti));
}

TEST_F(FindSeries, AZipIsKnownByItsContent) {
  write_bytes(folder_ / "EXPORT", test::stored_zip({{"1", test::dicom_slice(0).file()}}));
  EXPECT_TRUE(is_dicom_name_or_file(folder_ / "EXPORT"));
  EXPECT_EQ(find_series(folder_ / "EXPORT").series.size(), 1U);
}

TEST_F(FindSeries, MessagesNumberTheEntriesOfAZip) {
  const std::string good = test::stored_zip({{"a", "x"}, {"DOE_JANE/1", test::dicom_slice(0).file()}});
  const auto message = [&](const std::string& content) {
    write_bytes(folder_ / "study.zip", content);
    return message_of([&] { find_series(folder_ / "study.zip"); });
  };
  const std::size_t entry = good.rfind("PK\x01\x02");
  std::string encrypted = good, damaged = good, outside = good;
  encrypted[entry + 8] = 1;
  damaged[good.find("DICM")] = 'X';
  outside[entry + 45] = 'X';
  EXPECT_HAS(message(encrypted), "entry 2 is encrypted. Unpack it with its password");
  EXPECT_HAS(message(damaged), "entry 2: its checksum is wrong");
  EXPECT_HAS(message(outside), "entry 2 lies outside of it");
  EXPECT_HAS(message(test::stored_zip({{"DOE_JANE", "x"}, {"DOE_JANE", "y"}})), "entry 2 occurs twice");
}

}  // namespace
}  // namespace nnunet::dicom
