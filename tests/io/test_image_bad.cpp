#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "expect_error.h"
#include "nnunet/io/image_file.h"
#include "reference/shared.h"
#include "warnings.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(NNUNET_FIXTURES_DIR) / "images";

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The error of a file of that name and content.
std::string error_of_file(const std::string& name, const std::string& content,
                          ImageReader reader = ImageReader::automatic) {
  const TempFolder folder;
  save(folder / name, content);
  return error_of([&] { read_image_file(folder / name, reader, {.max_voxels = 1 << 20}); });
}

std::string nrrd(const std::string& fields, const std::string& voxels = std::string(48, 'x')) {
  return "NRRD0004\n" + fields + "\n" + voxels;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

const std::string kNrrd = "type: short\ndimension: 3\nsizes: 4 3 2\nencoding: raw\nendian: little\n";
const std::string kMeta = "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\n";
const std::string kMetaEnd = "ElementDataFile = LOCAL\n" + std::string(48, 'x');

std::string nrrd_error(const std::string& what, const std::string& by) {
  return error_of_file("a.nrrd", nrrd(replaced(kNrrd, what, by)));
}

std::string meta_error(const std::string& what, const std::string& by) {
  return error_of_file("a.mha", replaced(kMeta, what, by) + kMetaEnd);
}

}  // namespace

TEST(BadImage, MissingEmptyFolder) {
  const TempFolder folder;
  for (const char* name : {"a.nrrd", "a.mha", "a.gipl", "a.png", "a.bmp", "a.tif"}) {
    EXPECT_ERROR(read_image_file(folder / name), "the file does not exist");
    save(folder / name, std::string());
    EXPECT_ERROR(read_image_file(folder / name), "the file is empty");
    EXPECT_HAS(error_of_file(name, "<html>404</html>"), name);
    EXPECT_HAS(error_of_file(name, std::string(300, '\0')), name);
  }
  EXPECT_ERROR(read_image_file(folder / "a.dcm"), "is no image by its name");
}

TEST(BadImage, EveryTruncation) {
  for (const char* name : {"turned.nrrd", "text.nrrd", "turned.mha", "volume.gipl", "rgb.png", "interlaced.png",
                           "palette.bmp", "rgba.bmp", "grey.tif", "lzw_differences.tif", "big_tiff.tif"}) {
    const std::string file = bytes_of(kImages / name);
    ASSERT_EQ(error_of_file(name, file), "no error");
    for (std::size_t n = 1; n < file.size(); n += n < 60 ? 1 : 11) {
      // Zeros behind the voxels, and the last digit of a number, are not missed.
      if (std::string_view(name) == "text.nrrd" && n + 6 > file.size()) continue;
      const std::string error = error_of_file(name, file.substr(0, n));
      if (error == "no error") {
        const TempFolder folder;
        save(folder / name, file.substr(0, n));
        EXPECT_EQ(read_image_file(folder / name).voxels.values, read_image_file(kImages / name).voxels.values)
            << name << " cut to " << n;
      }
    }
  }
}

// A flipped bit in each byte is an error of ours or another image; nothing else may happen.
TEST(BadImage, FlippedBits) {
  const TempFolder folder;
  for (const char* name : {"turned.nrrd", "vectors.mha", "volume.gipl", "palette.png", "palette.bmp", "rgba.bmp",
                           "rgb.tif", "lzw.tif", "packbits.tif", "planar.tif", "big_tiff.tif", "imagej.tif"}) {
    const std::string file = bytes_of(kImages / name);
    for (std::size_t i = 0; i < std::min<std::size_t>(file.size(), 400); ++i) {
      std::string flipped = file;
      flipped[i] = static_cast<char>(flipped[i] ^ 1 << i * 5 % 8);
      save(folder / name, flipped);
      const std::string error =
          error_of([&] { read_image_file(folder / name, ImageReader::automatic, {.max_voxels = 1 << 20}); });
      EXPECT_TRUE(error == "no error" || error.find(name) != std::string::npos) << error;
    }
  }
}

TEST(BadNrrd, Fields) {
  EXPECT_EQ(error_of_file("a.nrrd", nrrd(kNrrd)), "no error");
  EXPECT_HAS(error_of_file("a.nrrd", nrrd(kNrrd, "xyz")), "the file is truncated (3 of 48 bytes of voxels)");
  EXPECT_HAS(nrrd_error("short", "block"), "voxels of type 'block' are not supported");
  EXPECT_HAS(nrrd_error("dimension: 3", "dimension: 7"), "has 7 axes");
  EXPECT_HAS(nrrd_error("4 3 2", "4 3"), "'sizes' in its header");
  EXPECT_HAS(nrrd_error("4 3 2", "4 -3 2"), "-3 voxels along axis 2");
  EXPECT_HAS(nrrd_error("4 3 2", "99999999 99999999 99999999"), "absurd sizes");
  EXPECT_HAS(nrrd_error("4 3 2", "9223372036854775807 2 3"), "absurd sizes");
  EXPECT_HAS(nrrd_error("raw", "bzip2"), "encoding 'bzip2' is not supported");
  EXPECT_HAS(nrrd_error("raw", "gzip"), "are not gzip data");
  EXPECT_HAS(nrrd_error("raw", "hex"), "encoding 'hex'");
  EXPECT_HAS(nrrd_error("endian: little\n", ""), "'endian' in its header");
  const auto with = [&](const std::string& more) { return error_of_file("a.nrrd", nrrd(kNrrd + more)); };
  EXPECT_HAS(with("space: right-up\n"), "no error");  // nothing is said in it
  const std::string directions = "space directions: (1,0,0) (0,1,0) (0,0,1)\n";
  EXPECT_HAS(with("space: right-up\n" + directions), "space 'right-up' is not supported");
  EXPECT_HAS(with("space: LPS\nspace directions: (1,0,0) (0,0,0) (0,0,1)\n"), "spacing along axis 2 is 0");
  EXPECT_HAS(with("space: LPS\nspace directions: (1,0,0) (0,nan,0) (0,0,1)\n"), "not finite");
  EXPECT_HAS(with("space: LPS\nspace directions: (1,0,0) (0,1,0)\n"), "'space directions' in its header");
  EXPECT_HAS(with("space: LPS\nspace origin: (1,2)\n" + directions), "'space origin' in its header");
  EXPECT_HAS(with("space: LPS\nspace directions: (1,0,0) none (0,0,1)\n"), "neither its first nor its last alone");
  EXPECT_HAS(with("line skip: 5\n"), "fewer lines than it is to skip");
  EXPECT_HAS(with("byte skip: 999\n"), "truncated (0 of 48");
}

// An axis without a direction holds the channels.
TEST(Nrrd, AxisWithoutDirection) {
  const TempFolder folder;
  std::string voxels(24, '\0');
  for (std::size_t i = 0; i < 24; ++i) voxels[i] = static_cast<char>(i);
  save(folder / "a.nrrd", nrrd("type: uchar\ndimension: 4\nsizes: 2 2 3 2\nencoding: raw\nspace: LPS\n"
                               "space directions: none (1,0,0) (0,2,0) (0,0,3)\n",
                               voxels));
  const Image image = read_image_file(folder / "a.nrrd");
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{2, 2, 3, 2}));
  EXPECT_EQ(image.voxels.values[1], 2);
  EXPECT_EQ(image.voxels.values[12], 1);
}

TEST(BadNrrd, DetachedFilesLieBeside) {
  for (const char* name : {"../secret", "/etc/passwd", "sub/a.raw", "..", "."})
    EXPECT_HAS(error_of_file("a.nhdr", nrrd(kNrrd + "data file: " + name + "\n")), "has to lie beside it");
  EXPECT_HAS(error_of_file("a.nhdr", nrrd(kNrrd + "data file: none.raw\n")), "does not exist");
  EXPECT_HAS(error_of_file("a.nhdr", nrrd(kNrrd + "data file: LIST\n")), "in several files");
}

TEST(BadMetaImage, Fields) {
  EXPECT_EQ(error_of_file("a.mha", kMeta + kMetaEnd), "no error");
  EXPECT_HAS(error_of_file("a.mha", kMeta + "ElementDataFile = LOCAL\nxyz"), "truncated (3 of 48");
  EXPECT_HAS(error_of_file("a.mha", kMeta), "has no ElementDataFile");
  EXPECT_HAS(meta_error("MET_SHORT", "MET_STRING"), "voxels of type 'MET_STRING' are not supported");
  EXPECT_HAS(meta_error("NDims = 3", "NDims = 9"), "has 9 axes");
  EXPECT_HAS(meta_error("4 3 2", "4 3"), "'DimSize' in its header");
  EXPECT_HAS(meta_error("4 3 2", "4 0 2"), "0 voxels along axis 2");
  EXPECT_HAS(meta_error("4 3 2", "4000000 3000000 2"), "absurd sizes");
  const auto with = [&](const std::string& more) { return error_of_file("a.mha", kMeta + more + kMetaEnd); };
  EXPECT_HAS(with("ElementSpacing = 1 0 2\n"), "spacing along axis 2 is 0");
  EXPECT_HAS(with("ElementSpacing = 1 inf 2\n"), "not finite");
  EXPECT_HAS(with("TransformMatrix = 1 0 0 1\n"), "'TransformMatrix' in its header");
  EXPECT_HAS(with("CompressedData = True\n"), "truncated or corrupt");
  EXPECT_HAS(with("HeaderSize = -7\n"), "HeaderSize is -7");
  EXPECT_HAS(with("ElementNumberOfChannels = 0\n"), "0 voxels along axis 4");
  EXPECT_HAS(with("BinaryData = False\n"), "holds 1 numbers, its header promises 24");
  EXPECT_HAS(warnings_of([&] { with("ElementToIntensityFunctionSlope = 2\n"); }), "is left out, as ITK does");
}

TEST(BadMetaImage, DetachedFilesLieBeside) {
  for (const char* name : {"../secret", "/etc/passwd", "sub/a.raw"})
    EXPECT_HAS(error_of_file("a.mhd", kMeta + "ElementDataFile = " + name + "\n"), "has to lie beside it");
  EXPECT_HAS(error_of_file("a.mhd", kMeta + "ElementDataFile = slice%03d.raw 1 2 1\n"), "in several files");
}

TEST(BadPng, WhatSkimageDoesNotTake) {
  // Grey with transparency in 8 bits: neither one channel nor a colour.
  std::string file = bytes_of(kImages / "grey.png");
  EXPECT_HAS(error_of_file("a.png", file.replace(25, 1, 1, '\4')), "a.png");
  EXPECT_HAS(error_of_file("a.png", replaced(bytes_of(kImages / "grey.png"), "IDAT", "IDAU")), "is no whole PNG file");
}

TEST(BadBmp, KindsThatAreNotRead) {
  const std::string file = bytes_of(kImages / "rgb.bmp");
  std::string changed = file;
  changed[28] = 16;
  EXPECT_HAS(error_of_file("a.bmp", changed), "has 16 bits a pixel");
  changed = bytes_of(kImages / "grey.bmp");
  changed[30] = 1;
  EXPECT_HAS(error_of_file("a.bmp", changed), "is packed in a way that is not supported (1)");
  changed = file;
  std::memset(changed.data() + 18, 0x7f, 8);
  EXPECT_HAS(error_of_file("a.bmp", changed), "truncated");
  // From the top: the same rows the other way round.
  changed = file;
  changed[22] = -5, changed[23] = changed[24] = changed[25] = -1;
  const TempFolder folder;
  save(folder / "a.bmp", changed);
  const Image turned = read_image_file(folder / "a.bmp"), image = read_image_file(kImages / "rgb.bmp");
  for (std::size_t x = 0; x < 7; ++x) EXPECT_EQ(turned.voxels.values[x], image.voxels.values[4 * 7 + x]);
}

TEST(BadTiff, PagesInACircle) {
  std::string file = bytes_of(kImages / "grey.tif");
  std::uint32_t first = 0;
  std::memcpy(&first, file.data() + 4, 4);
  std::uint16_t entries = 0;
  std::memcpy(&entries, file.data() + first, 2);
  std::memcpy(file.data() + first + 2 + entries * 12, &first, 4);
  EXPECT_HAS(error_of_file("a.tif", file), "go round in a circle");
}
