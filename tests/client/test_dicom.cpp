// DICOM series that nnunet client has a server segment.
#include <gtest/gtest.h>

#include <algorithm>

#include "client/client_folders.h"
#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/io/atomic_file.h"
#include "serve/images.h"

using namespace nnunet;
using namespace nnunet::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

class DicomClient : public ClientFolders {
 protected:
  /// In in/NAME, five planes.
  void write(const std::string& name, const std::string& uid, int shift = 0) const {
    write_series(in(name), 5, [&](DicomSlice& slice, int z) {
      slice.series = uid;
      slice.instance = fmt::format("{}.{}", uid, z + 1);
      for (std::int16_t& value : slice.values) value = static_cast<std::int16_t>(value + shift);
    });
  }
  Image image(const std::string& name) const { return dicom::read_series(dicom::find_series(in(name)).series.at(0)); }
  std::string expected(const std::string& name) const { return label_file(image(name), true); }

  static std::string problem(const RemoteSegmentationOptions& o) {
    try {
      segment_images(o);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
};

TEST_F(DicomClient, SavesWhatPredictWould) {
  NNUNET_NEEDS_DICOM();
  const FakeServer server({}, {}, 1);
  write("a", "1.2.3.4");
  write_text(in("notes.txt"), "no image");
  const RemoteSegmentationOptions o = options(server);
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_text(out("1.2.3.4.nii.gz")), expected("a"));
  EXPECT_EQ(segment_images(o).kept, 1);
  write("a", "1.2.3.4", 20);
  EXPECT_EQ(segment_images(o).segmented, 1) << "another image";
  EXPECT_EQ(read_text(out("1.2.3.4.nii.gz")), expected("a"));
}

TEST_F(DicomClient, TakesZipsAndSingleFiles) {
  NNUNET_NEEDS_DICOM();
  const FakeServer server({}, {}, 1);
  write("a", "1.2.3.4");
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& entry : fs::directory_iterator(in("a")))
    files.emplace_back(entry.path().filename(), read_text(entry.path()));
  write_bytes(folder_ / "study.zip", stored_zip(files));
  RemoteSegmentationOptions o = options(server);
  o.input = folder_ / "study.zip";
  o.output = folder_ / "label map.nii.gz";
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_text(o.output), expected("a"));
  write_bytes(folder_ / "one.dcm", files.front().second);
  write_bytes(in("one") / "one.dcm", files.front().second);
  o.input = folder_ / "one.dcm";
  o.output = folder_ / "one.nii.gz";
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_text(o.output), expected("one"));
}

TEST_F(DicomClient, SeriesAreNamedOrAllAreTaken) {
  NNUNET_NEEDS_DICOM();
  const FakeServer server({}, {}, 1);
  write("a", "1.2.3.4");
  write("b", "1.2.3.5", 20);
  RemoteSegmentationOptions o = options(server);
  EXPECT_NE(problem(o).find("--dicom_series"), std::string::npos) << problem(o);
  EXPECT_FALSE(fs::exists(out()));
  o.dicom_series = {"1.2.3.5"};
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_text(out("1.2.3.5.nii.gz")), expected("b"));
  o.dicom_series = {"all"};
  o.jobs = 2;
  const auto all = segment_images(o);
  EXPECT_EQ(all.segmented, 1);
  EXPECT_EQ(all.kept, 1);
  EXPECT_EQ(read_text(out("1.2.3.4.nii.gz")), expected("a"));
  o.dicom_series = {"1.2.3.6"};
  EXPECT_NE(problem(o).find("is not in"), std::string::npos) << problem(o);
  o.dicom_series = {"all"};
  o.cases = {"1.2.3.4"};
  EXPECT_NE(problem(o).find("--data"), std::string::npos) << problem(o);
}

TEST_F(DicomClient, ASeriesForEachChannel) {
  NNUNET_NEEDS_DICOM();
  const FakeServer server;
  write("a", "1.2.3.4");
  write("b", "1.2.3.5", 20);
  Image both = image("b");
  const Image second = image("a");
  both.voxels.values.insert(both.voxels.values.end(), second.voxels.values.begin(), second.voxels.values.end());
  both.voxels.shape[0] = 2;
  RemoteSegmentationOptions o = options(server);
  o.dicom_series = {"1.2.3.5", "1.2.3.4"};
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_text(out("1.2.3.5.nii.gz")), label_file(both, true));
  o.dicom_series = {"1.2.3.5"};
  EXPECT_NE(problem(o).find("2 channels"), std::string::npos) << problem(o);
}

TEST_F(DicomClient, SavesObjects) {
  NNUNET_NEEDS_DICOM();
  if (!dicom::can_write_objects()) GTEST_SKIP() << "no DICOM objects";
  const FakeServer server({}, {}, 1);
  write("a", "1.2.3.4");
  RemoteSegmentationOptions o = options(server);
  o.dicom_seg = dicom::ObjectType::binary;
  EXPECT_EQ(segment_images(o).segmented, 1);
  const std::string named = read_text(out("1.2.3.4.dcm"));
  EXPECT_EQ(named.substr(128, 4), "DICM");
  EXPECT_NE(named.find("Jane"), std::string::npos);
  EXPECT_EQ(segment_images(o).kept, 1);
  o.anonymous = o.overwrite = true;
  EXPECT_EQ(segment_images(o).segmented, 1);
  EXPECT_EQ(read_text(out("1.2.3.4.dcm")).find("Jane"), std::string::npos);
  write_image(folder_ / "image.nii.gz", image("a"));
  o.input = folder_ / "image.nii.gz";
  EXPECT_NE(problem(o).find("is no DICOM series"), std::string::npos) << problem(o);
}

TEST_F(DicomClient, WhatIsNoSeriesIsNotSent) {
  NNUNET_NEEDS_DICOM();
  const FakeServer server({}, {}, 1);
  write("a", "1.2.3.4");
  fs::remove(in("a") / "02.dcm");  // the third plane of five
  EXPECT_NE(problem(options(server)).find("missing"), std::string::npos) << problem(options(server));
  EXPECT_FALSE(fs::exists(out()));
}

}  // namespace
