// Fingerprints against nnU-Net v2's (reference-v2/plan/real), their draws and crops (functions).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "nnunet/core/error.h"
#include "nnunet/preprocess/crop.h"
#include "nnunet/v2/fingerprint.h"
#include "reference/npz.h"
#include "v2/foreground.h"
#include "v2/reference_datasets.h"
#include "v2/tiny_dataset.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

const fs::path kReal = test::shared_dir() / "reference-v2/plan/real";
constexpr const char* kFunctions = "reference-v2/plan/functions.npz";

constexpr const char* kIntensities = "foreground_intensity_properties_per_channel";

FingerprintOptions quiet(int threads, bool all_foreground = false) {
  FingerprintOptions options;
  options.threads = threads;
  options.all_foreground = all_foreground;
  options.show_progress = false;
  return options;
}

/// Percentiles, least and largest value are the same bits. nnU-Net adds up in float32, we in double: mean and std get
/// its digits here when they are as close as float32's sums are, so that the whole text can be compared.
void expect_same(Json mine, const fs::path& reference) {
  const Json theirs = read_python_json(reference);
  ASSERT_EQ(mine[kIntensities].size(), theirs[kIntensities].size());
  double worst = 0;
  for (const auto& [channel, expected] : theirs[kIntensities].items()) {
    Json& got = mine[kIntensities][channel];
    const auto number = [&](const char* key) { return expected[key].get<double>(); };
    const double scale = std::max({std::abs(number("min")), std::abs(number("max")), number("std")});
    for (const char* const key : {"mean", "std"}) {
      worst = std::max(worst, std::abs(got[key].get<double>() - number(key)) / scale);
      got[key] = expected[key];
    }
  }
  EXPECT_LE(worst, 1e-5);
  testing::Test::RecordProperty("largest_difference", std::to_string(worst));
  EXPECT_EQ(python_json(mine, Keys::sorted), test::content(reference));
}

class FingerprintReference : public testing::TestWithParam<std::string> {};

TEST_P(FingerprintReference, IsTheSame) {
  NNUNET_NEEDS_SHARED("reference-v2/plan/real/" + GetParam());
  NNUNET_NEEDS_SHARED("data/Task04_Hippocampus");
  const TempFolder folder;
  const RawDataset dataset = read_raw_dataset(test::build_reference_dataset(GetParam(), folder.path()));
  const bool pictures = dataset_format(dataset).reader == ImageReader::natural_image_2d;
  expect_same(fingerprint_json(extract_fingerprint(dataset, quiet(2)), pictures),
              kReal / GetParam() / "dataset_fingerprint.json");
}

INSTANTIATE_TEST_SUITE_P(Datasets, FingerprintReference,
                         testing::Values("Dataset004_Hippocampus", "Dataset021_BodyCT", "Dataset022_HeadCT",
                                         "Dataset023_TwoMR", "Dataset024_HeadCTReorient", "Dataset025_TwoMRRegions",
                                         "Dataset026_HippoRegions", "Dataset027_ShapesRGB", "Dataset028_ExplicitPaths"),
                         [](const auto& param) { return param.param; });

// Folders of the Decathlon are read as they are, 4D images too.
TEST(Fingerprint, OfADecathlonFolder) {
  NNUNET_NEEDS_SHARED("data/Task23_TwoMR");
  NNUNET_NEEDS_SHARED("reference-v2/plan/real/Dataset023_TwoMR");
  const RawDataset dataset = read_raw_dataset(test::shared_dir() / "data/Task23_TwoMR");
  expect_same(fingerprint_json(extract_fingerprint(dataset, quiet(2))),
              kReal / "Dataset023_TwoMR/dataset_fingerprint.json");
}

TEST(Fingerprint, DrawsAreTheirs) {
  NNUNET_NEEDS_SHARED(kFunctions);
  const test::Npz npz(test::shared_dir() / kFunctions);
  const auto image = npz.load<float>("sample_images");
  const auto segmentation = npz.load<std::int16_t>("sample_seg");
  const auto expected = npz.load<float>("sample_intensities");
  const Shape3 shape = image.spatial();
  Array<std::uint16_t> labels({shape[0], shape[1], shape[2]});
  std::ranges::transform(segmentation.values, labels.values.begin(),
                         [](std::int16_t v) { return static_cast<std::uint16_t>(std::max<std::int16_t>(v, 0)); });
  const auto draws = static_cast<std::size_t>(expected.shape.back());
  const Foreground got = draw_foreground(image, labels, Box{{}, shape}, draws);
  ASSERT_EQ(static_cast<std::int64_t>(got.values.size()), image.size(0));
  for (std::size_t c = 0; c < got.values.size(); ++c) {
    std::vector<float> mine, theirs(expected.values.begin() + static_cast<std::ptrdiff_t>(c * draws),
                                    expected.values.begin() + static_cast<std::ptrdiff_t>((c + 1) * draws));
    for (std::size_t i = 0; i < got.values[c].size(); ++i) mine.insert(mine.end(), got.times[c][i], got.values[c][i]);
    std::ranges::sort(mine);
    std::ranges::sort(theirs);
    EXPECT_EQ(mine, theirs) << c;
  }
}

// Holes lie within the box of what is not 0, so the fingerprint need not fill them.
TEST(Fingerprint, CropsAreTheirs) {
  NNUNET_NEEDS_SHARED(kFunctions);
  const test::Npz npz(test::shared_dir() / kFunctions);
  const Json boxes = read_python_json(test::shared_dir() / "reference-v2/plan/functions.json")["crop_bbox"];
  for (const auto& [name, expected] : boxes.items()) {
    const auto image = npz.load<float>("crop_" + name + "_in");
    const Box box = nonzero_box(image).value_or(Box{{}, image.spatial()});
    for (std::size_t a = 0; a < 3; ++a)
      EXPECT_EQ((std::vector<std::int64_t>{box.start[a], box.end[a]}), expected[a].get<std::vector<std::int64_t>>())
          << name;
  }
}

TEST(Fingerprint, ThreadsChangeNothing) {
  const TempFolder folder;
  const test::TinyDataset tiny(folder / "Dataset001_Tiny", 5);
  const RawDataset dataset = read_raw_dataset(tiny.folder());
  const std::string one = python_json(fingerprint_json(extract_fingerprint(dataset, quiet(1))), Keys::sorted);
  EXPECT_EQ(one, python_json(fingerprint_json(extract_fingerprint(dataset, quiet(4))), Keys::sorted));
}

TEST(Fingerprint, CasesThatAreReadTwiceChangeNothing) {
  const TempFolder folder;
  const test::TinyDataset tiny(folder / "Dataset001_Tiny", 4);
  const RawDataset dataset = read_raw_dataset(tiny.folder());
  const auto text = [&](std::int64_t kept) {
    FingerprintOptions options = quiet(2);
    options.kept_foreground = kept;
    return python_json(fingerprint_json(extract_fingerprint(dataset, options)), Keys::sorted);
  };
  const std::string once = text(1 << 20);
  EXPECT_EQ(text(0), once);
  EXPECT_EQ(text(1000), once);  // some of them
}

TEST(Fingerprint, AllForegroundVoxelsCountOnce) {
  const TempFolder folder;
  const test::TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  const RawDataset dataset = read_raw_dataset(tiny.folder());
  std::vector<double> values;
  for (const RawCase& c : dataset.cases) {
    const Image image = read_image_file(c.images.front());
    const WideLabelMap labels = read_label_file(c.label);
    for (std::size_t i = 0; i < labels.voxels.values.size(); ++i)
      if (labels.voxels.values[i] > 0) values.push_back(static_cast<double>(image.voxels.values[i]));
  }
  double sum = 0;
  for (const double value : values) sum += value;
  const DatasetFingerprint got = extract_fingerprint(dataset, quiet(2, true));
  EXPECT_NEAR(got.intensities.at(0).mean, sum / static_cast<double>(values.size()), 1e-9);
  EXPECT_NE(got.intensities[0].mean, extract_fingerprint(dataset, quiet(2)).intensities.at(0).mean);
}

/// The file's axes x and z changed places, with the affine.
void swap_axes(const fs::path& file) {
  const WideLabelMap map = read_label_file(file);
  const Shape3 shape = map.voxels.spatial();
  WideLabelMap turned{Array<std::uint16_t>({shape[2], shape[1], shape[0]}), {}};
  for (std::int64_t z = 0; z < shape[0]; ++z)
    for (std::int64_t y = 0; y < shape[1]; ++y)
      for (std::int64_t x = 0; x < shape[2]; ++x)
        turned.voxels.values[static_cast<std::size_t>((x * shape[1] + y) * shape[0] + z)] =
            map.voxels.values[static_cast<std::size_t>((z * shape[1] + y) * shape[2] + x)];
  turned.geometry.shape = turned.voxels.spatial();
  turned.geometry.spacing = {map.geometry.spacing[2], map.geometry.spacing[1], map.geometry.spacing[0]};
  turned.geometry.affine = map.geometry.affine;
  for (auto& row : turned.geometry.affine) std::swap(row[0], row[2]);
  write_label_file(file, turned);
}

// Readers that reorient turn a label map by its own axes, which need not be the image's.
TEST(Fingerprint, LabelsOfAnotherOrientation) {
  const TempFolder folder;
  const test::TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  RawDataset dataset = read_raw_dataset(tiny.folder());
  const auto text = [&](const char* reader) {
    dataset.description["overwrite_image_reader_writer"] = reader;
    return python_json(fingerprint_json(extract_fingerprint(dataset, quiet(1))), Keys::sorted);
  };
  const std::string expected = text("NibabelIOWithReorient");
  swap_axes(tiny.label("case_0"));
  EXPECT_EQ(text("NibabelIOWithReorient"), expected);
  EXPECT_EQ(text("SimpleITKIOWithReorient"), expected);
  EXPECT_THROW(text("NibabelIO"), Error);
}

// A case without foreground adds nothing; without any there are no statistics.
TEST(Fingerprint, CasesWithoutForeground) {
  const TempFolder folder;
  const test::TinyDataset tiny(folder / "Dataset001_Tiny", 2);
  const auto clear = [&](const std::string& name) {
    WideLabelMap map = read_label_file(tiny.label(name));
    std::ranges::fill(map.voxels.values, std::uint16_t{0});
    write_label_file(tiny.label(name), map);
  };
  clear("case_1");
  const DatasetFingerprint got = extract_fingerprint(read_raw_dataset(tiny.folder()), quiet(1));
  EXPECT_EQ(got.shapes_after_crop.size(), 2U);
  EXPECT_GT(got.intensities.at(0).std, 0);
  clear("case_0");
  EXPECT_THROW(extract_fingerprint(read_raw_dataset(tiny.folder()), quiet(1)), Error);
}

class EnsureFingerprint : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("nnUNet_raw", (folder_ / "raw").c_str(), 1);
    ::setenv("nnUNet_preprocessed", (folder_ / "preprocessed").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("nnUNet_raw");
    ::unsetenv("nnUNet_preprocessed");
  }

  TempFolder folder_;
  test::TinyDataset tiny_{folder_ / "raw/Dataset007_Tiny"};
  fs::path file_ = folder_ / "preprocessed/Dataset007_Tiny/dataset_fingerprint.json";
};

TEST_F(EnsureFingerprint, IsMadeOnceUnlessAskedFor) {
  EXPECT_EQ(ensure_fingerprint("7", quiet(1), false), file_);
  const std::string first = test::content(file_);
  write_image(tiny_.image("case_0"), test::small_image({4, 6, 5}, 1, 3));
  ensure_fingerprint("Dataset007_Tiny", quiet(1), false);
  EXPECT_EQ(test::content(file_), first);
  ensure_fingerprint(tiny_.folder().string(), quiet(1), true);
  EXPECT_NE(test::content(file_), first);
}

TEST_F(EnsureFingerprint, ABadCaseLeavesNoFile) {
  test::write(tiny_.image("case_1"), "no image");
  EXPECT_THROW(ensure_fingerprint("7", quiet(1), false), Error);
  EXPECT_FALSE(fs::exists(file_));
  write_image(tiny_.image("case_1"), test::small_image({5, 6, 5}, 2));  // a channel more than dataset.json names
  EXPECT_THROW(ensure_fingerprint("7", quiet(1), false), Error);
  write_image(tiny_.image("case_1"), test::small_image({9, 6, 5}));  // not the label map's shape
  EXPECT_THROW(ensure_fingerprint("7", quiet(1), false), Error);
  write_image(tiny_.image("case_1"), test::small_image({5, 6, 5}));
  const fs::path images = tiny_.folder() / "imagesTr";
  fs::rename(tiny_.image("case_1"), images / "case_1_0001.nii.gz");  // another channel than the other cases'
  EXPECT_THROW(ensure_fingerprint("7", quiet(1), false), Error);
  EXPECT_FALSE(fs::exists(file_));
  for (const std::string name : {"case_0", "case_2"}) fs::rename(tiny_.image(name), images / (name + "_0001.nii.gz"));
  EXPECT_EQ(ensure_fingerprint("7", quiet(1), false), file_);
}

}  // namespace
}  // namespace nnunet::v2
