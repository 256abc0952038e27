#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "expect_error.h"
#include "nnunet/io/image_file.h"
#include "nnunet/io/image_properties.h"
#include "reference/shared.h"
#include "warnings.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(NNUNET_FIXTURES_DIR) / "images";

/// 0, step, 2 step, ... below top.
Array<std::uint16_t> labels_of(const Shape3& shape, unsigned step, unsigned top) {
  Array<std::uint16_t> labels({shape[0], shape[1], shape[2]});
  for (std::size_t i = 0; i < labels.values.size(); ++i) labels.values[i] = static_cast<std::uint16_t>(i * step % top);
  return labels;
}

void expect_same_place(const Geometry& a, const Geometry& b) {
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.plane, b.plane);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a.spacing[i], b.spacing[i], 1e-12 * b.spacing[i]) << i;
  EXPECT_LT(affine_difference(a, b), 1e-9);
}

/// The labels of an image of such a name come back, and lie where it lies.
void expect_round_trip(const std::string& image, const std::string& output, unsigned top,
                       ImageReader reader = ImageReader::automatic) {
  SCOPED_TRACE(image + " to " + output);
  const TempFolder folder;
  const Image source = read_image_file(kImages / image, reader);
  const auto labels = labels_of(source.geometry.shape, 7, top);
  write_label_file(folder / output, labels, source.geometry, reader);
  const WideLabelMap back = read_label_file(folder / output, reader);
  EXPECT_EQ(back.voxels.shape, labels.shape);
  EXPECT_EQ(back.voxels.values, labels.values);
  expect_same_place(back.geometry, source.geometry);
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST(ImageWrite, EveryFormatComesBack) {
  for (const unsigned top : {5U, 255U, 300U, 65536U}) {
    for (const char* name :
         {"turned.nrrd", "detached.nhdr", "turned.mha", "turned.mhd", "volume.gipl", "plane.nrrd", "plane.mha",
          "four_axes.nrrd", "four_axes.mha", "vectors.nrrd", "plane.nii.gz", "oblique_0.nii.gz"})
      expect_round_trip(name, name, top);
    for (const char* name : {"grey.png", "rgb.png", "grey.tif", "rgb.tif"}) expect_round_trip(name, name, top);
    expect_round_trip("one_page.tif", "a.tif", top, ImageReader::tiff_3d);
    expect_round_trip("volume_0000.tif", "volume.tiff", top, ImageReader::tiff_3d);
  }
  expect_round_trip("grey.bmp", "grey.bmp", 256);
}

TEST(ImageWrite, EndingsInAnyCase) {
  expect_round_trip("turned.nrrd", "A.NRRD", 9);
  expect_round_trip("turned.mhd", "A.Mhd", 9);
  expect_round_trip("oblique_0.nii.gz", "A.NII.GZ", 9);
}

TEST(ImageWrite, Uint8BelowTheLabel255) {
  const TempFolder folder;
  const Image image = read_image_file(kImages / "turned.nrrd");
  for (const auto& [top, type] : {std::pair{255U, "type: unsigned char\n"}, {256U, "type: unsigned short\n"}}) {
    Array<std::uint16_t> labels = labels_of(image.geometry.shape, 1, 2);
    labels.values[3] = static_cast<std::uint16_t>(top - 1);
    write_label_file(folder / "a.nrrd", labels, image.geometry);
    EXPECT_HAS(bytes_of(folder / "a.nrrd").substr(0, 60), type);
  }
}

TEST(ImageWrite, NarrowAndWideLabelsMakeTheSameFile) {
  const TempFolder folder;
  const Image image = read_image_file(kImages / "oblique_1.nii.gz");
  const auto wide = labels_of(image.geometry.shape, 1, 256);
  Array<std::uint8_t> narrow(wide.shape);
  std::ranges::transform(wide.values, narrow.values.begin(),
                         [](std::uint16_t v) { return static_cast<std::uint8_t>(v); });
  write_label_file(folder / "wide.nii.gz", wide, image.geometry);
  write_label_file(folder / "narrow.nii.gz", narrow, image.geometry);
  EXPECT_EQ(bytes_of(folder / "wide.nii.gz"), bytes_of(folder / "narrow.nii.gz"));
}

TEST(ImageWrite, VolumesInTiffHaveTheirSpacingBeside) {
  const TempFolder folder;
  const Image image = read_image_file(kImages / "volume_0000.tif", ImageReader::tiff_3d);
  EXPECT_EQ(image.geometry.spacing, (Spacing3{2.5, 0.75, 1}));
  write_label_file(folder / "a.tif", labels_of(image.geometry.shape, 1, 3), image.geometry, ImageReader::tiff_3d);
  EXPECT_EQ(bytes_of(folder / "a.json"), "{\n    \"spacing\": [\n        2.5,\n        0.75,\n        1.0\n    ]\n}");
  save(folder / "a.json", std::string("{\"spacing\": [1, 0, 2]}"));
  EXPECT_ERROR(read_label_file(folder / "a.tif", ImageReader::tiff_3d), "\"spacing\" is not understood");
  fs::remove(folder / "a.json");
  EXPECT_HAS(warnings_of([&] { read_label_file(folder / "a.tif", ImageReader::tiff_3d); }), "no a.json");
}

TEST(ImageWrite, RefusesWhatTheFormatCannotHold) {
  const TempFolder folder;
  const Image volume = read_image_file(kImages / "turned.nrrd");
  const auto labels = labels_of(volume.geometry.shape, 1, 3);
  EXPECT_ERROR(write_label_file(folder / "a.png", labels, volume.geometry), "cannot hold 2 slices");
  EXPECT_ERROR(write_label_file(folder / "a.tif", labels, volume.geometry, ImageReader::natural_image_2d), "2 slices");
  EXPECT_ERROR(write_label_file(folder / "a.dcm", labels, volume.geometry), "is no image by its name");
  EXPECT_ERROR(write_label_file(folder / "a.nrrd", labels, volume.geometry, ImageReader::nibabel), "NibabelIO");
  const Image picture = read_image_file(kImages / "grey.bmp");
  EXPECT_ERROR(write_label_file(folder / "a.bmp", labels_of(picture.geometry.shape, 9, 300), picture.geometry),
               "cannot hold the label 29");
  EXPECT_ERROR(write_label_file(folder / "a.png", labels, picture.geometry), "do not fit the shape");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ImageLabels, WholeNumbersOfOneChannel) {
  EXPECT_EQ(read_label_file(kImages / "grey16.png").voxels.shape, (std::vector<std::int64_t>{1, 5, 7}));
  EXPECT_ERROR(read_label_file(kImages / "text.nrrd"), "text.nrrd: holds the label -37.5");
  EXPECT_ERROR(read_label_file(kImages / "floats.tif", ImageReader::tiff_3d), "allowed are whole numbers");
  EXPECT_ERROR(read_label_file(kImages / "rgb.png"), "a label map has one channel, this file 3");
}

TEST(ImageCases, ChannelsAreStacked) {
  const std::vector<fs::path> files{kImages / "big_endian.mha", kImages / "big_endian.mha"};
  const Image image = read_image_files(files);
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{2, 2, 3, 4}));
  EXPECT_TRUE(std::ranges::equal(image.voxels.slab(0), image.voxels.slab(1)));
  const std::vector<fs::path> colours{kImages / "rgb.png", kImages / "rgb.bmp"};
  EXPECT_EQ(read_image_files(colours).voxels.size(0), 6);
}

TEST(ImageCases, DifferentGridsAreRefused) {
  const auto together = [](const char* a, const char* b) {
    const std::vector<fs::path> files{kImages / a, kImages / b};
    return read_image_files(files);
  };
  EXPECT_ERROR(together("turned.nrrd", "plane.nrrd"), "plane.nrrd: is 1x1x3x5 (channels, z, y, x)");
  EXPECT_ERROR(together("grey.png", "rgb.png"), "is 3x1x5x7");
  EXPECT_ERROR(together("turned.nrrd", "volume.gipl.nrrd"), "does not exist");
  EXPECT_ERROR(together("turned.nrrd", "nodes.nrrd"), "nodes.nrrd: has the spacing");
  EXPECT_HAS(warnings_of([&] { together("turned.mha", "volume.gipl"); }), "its affine differs");
}

TEST(ImageReaders, NamesAndOrder) {
  for (const char* name :
       {"SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient", "NaturalImage2DIO", "Tiff3DIO"})
    EXPECT_EQ(image_reader_name(image_reader_from_name(name).value()), name);
  EXPECT_FALSE(image_reader_from_name("automatic").has_value());
  EXPECT_EQ(choose_reader(".png"), ImageReader::natural_image_2d);
  EXPECT_EQ(choose_reader(".NII.GZ"), ImageReader::simple_itk);
  EXPECT_EQ(choose_reader(".nii"), ImageReader::nibabel);
  EXPECT_EQ(choose_reader(".tiff"), ImageReader::tiff_3d);
  EXPECT_EQ(choose_reader(".tif", kImages / "rgb.tif"), ImageReader::natural_image_2d);
  EXPECT_EQ(choose_reader(".tif", kImages / "volume_0000.tif"), ImageReader::tiff_3d);
  EXPECT_EQ(choose_reader(".mhd", kImages / "turned.mhd", true), ImageReader::simple_itk);
  EXPECT_ERROR(choose_reader(".mhd", kImages / "turned.mhd"), "no reader of nnU-Net lists");
  EXPECT_ERROR(choose_reader(".nrrd", kImages / "none.nrrd"), "no reader opens them");
}

TEST(ImageReaders, RefuseOtherKinds) {
  EXPECT_ERROR(read_image_file(kImages / "grey.png", ImageReader::nibabel), "is not of a kind that NibabelIO reads");
  EXPECT_ERROR(read_image_file(kImages / "volume_0000.tif", ImageReader::natural_image_2d), "is no picture");
  EXPECT_ERROR(read_image_file(kImages / "grey.tif", ImageReader::tiff_3d), "only volumes of three axes");
  EXPECT_ERROR(read_image_file(kImages / "rgb.png", ImageReader::simple_itk), "has colours");
  EXPECT_ERROR(read_image_file(kImages / "plane.nii.gz", ImageReader::nibabel), "is a 2D image");
  Image plane = read_image_file(kImages / "plane.nii.gz", ImageReader::simple_itk);
  EXPECT_ERROR(to_canonical(plane, ImageReader::simple_itk_reorient, "x"), "is a 2D image");
}

TEST(ImageOrientation, TurnedLabelsLieWhereTheImageLies) {
  for (int i = 0; i < 5; ++i) {
    const TempFolder folder;
    const fs::path file = kImages / ("oblique_" + std::to_string(i) + ".nii.gz");
    Image image = read_image_file(file, ImageReader::nibabel_reorient);
    const Array<float> before = image.voxels;
    const Reorientation turned = to_canonical(image, ImageReader::nibabel_reorient, "x");
    // A label for each voxel of the turned image, found again under the voxel that it came from.
    Array<std::uint16_t> labels({image.geometry.shape[0], image.geometry.shape[1], image.geometry.shape[2]});
    std::ranges::transform(image.voxels.values, labels.values.begin(),
                           [](float v) { return static_cast<std::uint16_t>(v * 2 + 2000); });
    write_label_file(folder / "a.nii.gz", turned.undo(labels), turned.original);
    const WideLabelMap back = read_label_file(folder / "a.nii.gz");
    EXPECT_EQ(affine_difference(back.geometry, turned.original), 0);
    for (std::size_t v = 0; v < before.values.size(); ++v)
      ASSERT_EQ(back.voxels.values[v], static_cast<std::uint16_t>(before.values[v] * 2 + 2000));
  }
}

TEST(ImageOrientation, SingularAffine) {
  Image image = read_image_file(kImages / "turned.nrrd");
  for (auto& row : image.geometry.affine) row[1] = row[0];
  EXPECT_ERROR(to_canonical(image, ImageReader::nibabel_reorient, "name"), "name: its affine is singular");
}
