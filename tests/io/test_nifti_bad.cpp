#include <gtest/gtest.h>
#include <nifti2.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "nifti_bytes.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

const std::vector<float> kVoxels = counting<float>();

Image read(const Bytes& file, const NiftiLimits& limits = {}) {
  return read_nifti(file, "memory", limits);
}

/// The error of a file whose header was changed.
std::string error_with(const std::function<void(nifti_1_header&)>& change) {
  nifti_1_header header = plain_header();
  change(header);
  return error_of([&] { read(nifti_bytes(header, kVoxels)); });
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

/// Voxels that do not pack to almost nothing.
Bytes noisy_file() {
  std::vector<float> voxels(24);
  for (std::size_t i = 0; i < voxels.size(); ++i) voxels[i] = std::sin(static_cast<float>(i * i));
  return nifti_bytes(plain_header(), voxels);
}

}  // namespace

TEST(BadNifti, MissingEmptyFolder) {
  const TempFolder folder;
  EXPECT_ERROR(read_nifti(folder / "none.nii.gz"), "none.nii.gz: the file does not exist");
  for (const char* name : {"e.nii", "e.nii.gz"}) {
    save(folder / name, std::string());
    EXPECT_ERROR(read_nifti(folder / name), "the file is empty");
    EXPECT_ERROR(read_nifti_info(folder / name), "the file is empty");
    EXPECT_ERROR(read_label_map(folder / name), "the file is empty");
  }
  std::filesystem::create_directory(folder / "d.nii.gz");
  EXPECT_ERROR(read_nifti(folder / "d.nii.gz"), "is a folder, not a regular file");
}

TEST(BadNifti, NotGzip) {
  const TempFolder folder;
  save(folder / "a.nii.gz", nifti_bytes(plain_header(), kVoxels));
  EXPECT_ERROR(read_nifti(folder / "a.nii.gz"), "is not a gzip file");
  save(folder / "b.nii.gz", std::string("<html>404</html>"));
  EXPECT_ERROR(read_nifti(folder / "b.nii.gz"), "is not a gzip file");
}

TEST(BadNifti, EveryTruncationOfANifti) {
  const Bytes file = nifti_bytes(plain_header(), kVoxels);
  for (std::size_t n = 1; n < file.size(); ++n) {
    expect_part(error_of([&] { read(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n))); }),
                "truncated");
  }
  EXPECT_NO_THROW(read(file));
}

TEST(BadNifti, EveryTruncationOfAGzip) {
  const Bytes file = gzipped(noisy_file());
  for (std::size_t n = 1; n < file.size(); ++n) {
    const Bytes part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n));
    expect_part(error_of([&] { read(part); }), "truncated");
  }
  EXPECT_NO_THROW(read(file));
}

TEST(BadNifti, ContentShorterThanTheHeaderSays) {
  Bytes file = noisy_file();
  file.resize(file.size() - 4);
  EXPECT_ERROR(read(gzipped(file)), "holds 444 bytes, its header promises 448");
}

// A flipped bit either is an error or changes nothing: the header's time stamp and system, padding between blocks,
// the code length of a symbol that does not occur.
TEST(BadNifti, EveryFlippedBitOfAGzip) {
  const Bytes content = noisy_file(), file = gzipped(content);
  const std::vector<float> expected = read(content).voxels.values;
  std::size_t harmless = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes flipped = file;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    try {
      EXPECT_EQ(read(flipped).voxels.values, expected) << "bit " << bit;
      harmless += bit / 8 < 3 || bit / 8 >= 10;
    } catch (const Error&) {
    }
  }
  EXPECT_LE(harmless, 8U) << "of " << file.size() * 8;
}

TEST(BadNifti, FlippedChecksumIsNamed) {
  Bytes file = gzipped(noisy_file());
  file[file.size() - 6] ^= std::byte{1};
  EXPECT_ERROR(read(file), "the gzip file is corrupt (incorrect data check)");
}

TEST(BadNifti, MagicAndKind) {
  expect_part(error_with([](auto& h) { h.magic[1] = 'x'; }), "bad magic");
  expect_part(error_with([](auto& h) { h.magic[0] = 0; }), "bad magic");
  expect_part(error_with([](auto& h) { std::memcpy(h.magic, "ni1", 4); }), "detached .hdr/.img pair");
  expect_part(error_with([](auto& h) { h.sizeof_hdr = 349; }), "is not a NIfTI file");
  const TempFolder folder;
  save(folder / "a.hdr", nifti_bytes(plain_header(), kVoxels));
  EXPECT_ERROR(read_nifti(folder / "a.hdr"), "detached .hdr/.img pairs are not supported");
  EXPECT_ERROR(read(gzipped(Bytes(500, std::byte{'a'}))), "is not a NIfTI file");
}

TEST(BadNifti, Dimensions) {
  expect_part(error_with([](auto& h) { h.dim[0] = 0; }), "the header has 0 axes");
  expect_part(error_with([](auto& h) { h.dim[0] = 8; }), "the header has 8 axes");
  expect_part(error_with([](auto& h) { h.dim[0] = -3; }), "the header has -3 axes");
  expect_part(error_with([](auto& h) { h.dim[0] = 1; }), "one axis only");
  expect_part(error_with([](auto& h) { h.dim[2] = -3; }), "-3 voxels along axis 2");
  expect_part(error_with([](auto& h) { h.dim[3] = 0; }), "0 voxels along axis 3");
  expect_part(error_with([](auto& h) { h.dim[0] = 6, h.dim[6] = 3; }), "has 6 axes, at most 5 are known");
  expect_part(error_with([](auto& h) { h.dim[1] = h.dim[2] = h.dim[3] = 32767; }), "absurd dimensions");
  expect_part(error_with([](auto& h) { h.dim[1] = 30000; }), "truncated");
}

TEST(BadNifti, ProductOfDimensionsOverflows) {
  nifti_2_header header{};
  header.sizeof_hdr = 540;
  std::memcpy(header.magic, "n+2\0\r\n\032\n", 8);
  header.dim[0] = 4;
  for (int i = 1; i < 5; ++i) header.dim[i] = std::int64_t{1} << 16;
  for (double& p : header.pixdim) p = 1;
  header.datatype = DT_FLOAT64;
  Bytes file(600);
  std::memcpy(file.data(), &header, sizeof header);
  EXPECT_ERROR(read(file), "absurd dimensions");
  for (int i = 1; i < 5; ++i) header.dim[i] = std::numeric_limits<std::int64_t>::max();
  std::memcpy(file.data(), &header, sizeof header);
  EXPECT_ERROR(read(file), "absurd dimensions");
}

TEST(BadNifti, SmallGzipThatPromisesManyVoxels) {
  nifti_1_header header = plain_header();
  header.dim[1] = header.dim[2] = 2000;
  header.dim[3] = 200;
  EXPECT_ERROR(read(gzipped(nifti_bytes(header, kVoxels))), "more than a gzip file of");
  // 32 MB of zeros within limits of 1000 voxels.
  header = plain_header();
  header.dim[1] = header.dim[2] = header.dim[3] = 200;
  const Bytes bomb = gzipped(nifti_bytes(header, std::vector<float>(8000000)));
  EXPECT_ERROR(read(bomb, {.max_voxels = 1000}), "absurd dimensions");
}

TEST(BadNifti, Spacing) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    for (int axis = 1; axis <= 3; ++axis) {
      expect_part(error_with([&](auto& h) { h.pixdim[axis] = bad; }),
                  "the voxel spacing along axis " + std::to_string(axis));
    }
  }
}

TEST(BadNifti, VoxelOffset) {
  for (const float bad : {-352.0F, 100.0F, std::nanf(""), 1e30F}) {
    expect_part(error_with([&](auto& h) { h.vox_offset = bad; }), "bad vox_offset");
  }
  expect_part(error_with([](auto& h) { h.vox_offset = 1e9F; }), "truncated");
  EXPECT_EQ(error_with([](auto& h) { h.vox_offset = 0; }), "no error");
}

TEST(BadNifti, Types) {
  for (const int type : {DT_COMPLEX64, DT_RGB24, DT_RGBA32, DT_FLOAT128, DT_BINARY, 0, 12345}) {
    expect_part(error_with([&](auto& h) { h.datatype = static_cast<short>(type); }), "are not supported");
  }
}

TEST(BadNifti, NanAndInf) {
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> voxels = kVoxels;
    voxels[20] = bad;
    EXPECT_ERROR(read(nifti_bytes(plain_header(), voxels)), "1 voxels are NaN or Inf");
  }
  std::vector<double> large(24, 1e300);
  EXPECT_ERROR(read(nifti_bytes(plain_header(DT_FLOAT64, 64), large)), "24 voxels are NaN or Inf");
  nifti_1_header scaled = plain_header(DT_INT16, 16);
  scaled.scl_slope = 3e38F;
  EXPECT_ERROR(read(nifti_bytes(scaled, std::vector<std::int16_t>(24, 100))), "24 voxels are NaN or Inf");
}
