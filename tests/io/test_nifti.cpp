#include "nnunet/io/nifti.h"

#include <gtest/gtest.h>
#include <nifti2.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "nifti_bytes.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

Image read(const Bytes& file) {
  return read_nifti(file, "memory");
}

const nifti_1_header& header_in(std::span<const std::byte> bytes) {
  return *reinterpret_cast<const nifti_1_header*>(bytes.data());
}

/// Reverses every field of this header, as a machine of the other byte order writes it.
nifti_1_header other_order(nifti_1_header h) {
  const auto swap = [](auto& field) {
    auto* bytes = reinterpret_cast<unsigned char*>(&field);
    std::reverse(bytes, bytes + sizeof field);
  };
  swap(h.sizeof_hdr);
  for (auto& d : h.dim) swap(d);
  for (auto& p : h.pixdim) swap(p);
  for (float* f : {&h.vox_offset, &h.scl_slope, &h.scl_inter, &h.quatern_b, &h.quatern_c, &h.quatern_d, &h.qoffset_x,
                   &h.qoffset_y, &h.qoffset_z}) {
    swap(*f);
  }
  for (float* row : {h.srow_x, h.srow_y, h.srow_z}) {
    for (int i = 0; i < 4; ++i) swap(row[i]);
  }
  for (short* s : {&h.datatype, &h.bitpix, &h.sform_code, &h.qform_code}) swap(*s);
  return h;
}

template <class T>
void expect_counts(int datatype) {
  const auto bits = static_cast<int>(8 * sizeof(T));
  const Image image = read(nifti_bytes(plain_header(datatype, bits), counting<T>()));
  ASSERT_EQ(image.voxels.shape, (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(image.voxels.values, counting<float>()) << "type " << datatype;

  nifti_1_header scaled = plain_header(datatype, bits);
  scaled.scl_slope = 0.1F;
  scaled.scl_inter = -3;
  const Image other = read(nifti_bytes(scaled, counting<T>()));
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(other.voxels.values[i], static_cast<float>(static_cast<double>(i) * static_cast<double>(0.1F) - 3.0));
  }

  std::vector<T> swapped = counting<T>();
  for (T& v : swapped) {
    auto* bytes = reinterpret_cast<unsigned char*>(&v);
    std::reverse(bytes, bytes + sizeof v);
  }
  EXPECT_EQ(read(nifti_bytes(other_order(plain_header(datatype, bits)), swapped)).voxels.values, counting<float>());
}

}  // namespace

TEST(Nifti, EveryRealTypeInBothByteOrders) {
  expect_counts<std::uint8_t>(DT_UINT8);
  expect_counts<std::int8_t>(DT_INT8);
  expect_counts<std::uint16_t>(DT_UINT16);
  expect_counts<std::int16_t>(DT_INT16);
  expect_counts<std::uint32_t>(DT_UINT32);
  expect_counts<std::int32_t>(DT_INT32);
  expect_counts<std::uint64_t>(DT_UINT64);
  expect_counts<std::int64_t>(DT_INT64);
  expect_counts<float>(DT_FLOAT32);
  expect_counts<double>(DT_FLOAT64);
}

TEST(Nifti, NegativeValuesKeepTheirSign) {
  const std::vector<std::int16_t> voxels(24, -1024);
  EXPECT_EQ(read(nifti_bytes(plain_header(DT_INT16, 16), voxels)).voxels.values, std::vector<float>(24, -1024));
}

TEST(Nifti, SlopeZeroOrNotFiniteMeansNoScaling) {
  for (const float slope : {0.0F, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    nifti_1_header header = plain_header(DT_INT16, 16);
    header.scl_slope = slope;
    header.scl_inter = 7;
    EXPECT_EQ(read(nifti_bytes(header, counting<std::int16_t>())).voxels.values, counting<float>());
  }
}

TEST(Nifti, InterceptAloneIsApplied) {
  nifti_1_header header = plain_header(DT_INT16, 16);
  header.scl_slope = 1;
  header.scl_inter = 5;
  EXPECT_EQ(read(nifti_bytes(header, counting<std::int16_t>())).voxels.values.back(), 28);
  header.scl_inter = std::nanf("");
  EXPECT_ERROR(read(nifti_bytes(header, counting<std::int16_t>())), "scl_inter is nan");
}

TEST(Nifti, SpacingAndAxesAreReversed) {
  const Image image = read(nifti_bytes(plain_header(), counting<float>()));
  EXPECT_EQ(image.geometry.shape, (Shape3{2, 3, 4}));
  EXPECT_EQ(image.geometry.spacing, (Spacing3{3, 2, 1}));
  EXPECT_EQ(image.geometry.header.size(), 348U);
}

TEST(Nifti, SpacingIsFloat32WidenedToDouble) {
  nifti_1_header header = plain_header();
  header.pixdim[1] = 0.7676F;
  EXPECT_EQ(read(nifti_bytes(header, counting<float>())).geometry.spacing[2], static_cast<double>(0.7676F));
}

TEST(Nifti, ChannelsAreTheFirstAxis) {
  nifti_1_header header = plain_header();
  header.dim[0] = 4;
  header.dim[4] = 2;
  const Image image = read(nifti_bytes(header, counting<float>(48)));
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{2, 2, 3, 4}));
  EXPECT_EQ(image.voxels.slab(1)[0], 24);
}

TEST(Nifti, TrailingAxesOfOneVoxelAndPlanes) {
  nifti_1_header header = plain_header();
  header.dim[0] = 6;
  EXPECT_EQ(read(nifti_bytes(header, counting<float>())).voxels.numel(), 24);
  header.dim[0] = 2;
  header.pixdim[3] = 0;
  const Image plane = read(nifti_bytes(header, counting<float>(12)));
  EXPECT_EQ(plane.voxels.shape, (std::vector<std::int64_t>{1, 1, 3, 4}));
  EXPECT_EQ(plane.geometry.spacing, (Spacing3{1, 2, 1}));
}

TEST(Nifti, AffineFromSformThenQformThenPixdim) {
  nifti_1_header header = plain_header();
  const auto affine = [&] { return read(nifti_bytes(header, counting<float>())).geometry.affine; };
  // As nibabel: centred, x to the left.
  EXPECT_EQ(affine()[0], (std::array<double, 4>{-1, 0, 0, 1.5}));
  EXPECT_EQ(affine()[1], (std::array<double, 4>{0, 2, 0, -2}));
  EXPECT_EQ(affine()[2], (std::array<double, 4>{0, 0, 3, -1.5}));
  // Half a turn about z.
  header.qform_code = 1;
  header.quatern_d = 1;
  header.qoffset_x = 10;
  EXPECT_EQ(affine()[0], (std::array<double, 4>{-1, 0, 0, 10}));
  EXPECT_EQ(affine()[1], (std::array<double, 4>{0, -2, 0, 0}));
  header.sform_code = 2;
  header.srow_x[1] = 0.25F;
  header.srow_x[3] = -8;
  EXPECT_EQ(affine()[0], (std::array<double, 4>{0, 0.25, 0, -8}));
  EXPECT_EQ(affine()[3], (std::array<double, 4>{0, 0, 0, 1}));
}

TEST(Nifti, GzipOfSeveralMembersAndTrailingBytes) {
  const Bytes file = nifti_bytes(plain_header(), counting<float>());
  Bytes members;
  for (const auto& [from, to] : {std::pair{0U, 100U}, {100U, 360U}, {360U, 448U}}) {
    const Bytes member = gzipped(std::span(file).subspan(from, to - from));
    members.insert(members.end(), member.begin(), member.end());
  }
  EXPECT_EQ(read(members).voxels.values, counting<float>());
  members.resize(members.size() + 20);  // zero padding, as tape blocks leave it
  EXPECT_EQ(read(members).voxels.values, counting<float>());
  Bytes longer = file;
  longer.resize(file.size() + 5000, std::byte{7});
  EXPECT_EQ(read(gzipped(longer)).voxels.values, counting<float>());
  EXPECT_EQ(read(longer).voxels.values, counting<float>());
}

TEST(Nifti, HeaderAloneFromTheStartOfAFile) {
  const TempFolder folder;
  nifti_1_header header = plain_header();
  header.dim[0] = 4;
  header.dim[4] = 2;
  save(folder / "a.nii.gz", gzipped(nifti_bytes(header, counting<float>(48))));
  const NiftiInfo info = read_nifti_info(folder / "a.nii.gz");
  EXPECT_EQ(info.geometry.shape, (Shape3{2, 3, 4}));
  EXPECT_EQ(info.channels, 2);
  EXPECT_EQ(info.datatype, DT_FLOAT32);
}

TEST(Nifti, Names) {
  EXPECT_TRUE(is_nifti_name("a/b.nii") && is_nifti_name("b.nii.gz"));
  EXPECT_FALSE(is_nifti_name("b.npy") || is_nifti_name("nii"));
  EXPECT_EQ(nifti_stem("x/case.01.nii.gz"), "case.01");
  EXPECT_EQ(nifti_stem("case.nii"), "case");
}

TEST(Nifti, AffineDifferenceIsTheLargestEntry) {
  Geometry a, b;
  a.affine[1][3] = 4;
  b.affine[1][3] = 1.5;
  EXPECT_EQ(affine_difference(a, b), 2.5);
}

// ---- Label maps ----

TEST(LabelMap, WholeValuesOfAnyType) {
  const TempFolder folder;
  save(folder / "u8.nii", nifti_bytes(plain_header(DT_UINT8, 8), counting<std::uint8_t>()));
  save(folder / "i64.nii", nifti_bytes(plain_header(DT_INT64, 64), counting<std::int64_t>()));
  save(folder / "f64.nii", nifti_bytes(plain_header(DT_FLOAT64, 64), counting<double>()));
  for (const char* name : {"u8.nii", "i64.nii", "f64.nii"}) {
    const LabelMap map = read_label_map(folder / name, 24);
    EXPECT_EQ(map.voxels.shape, (std::vector<std::int64_t>{2, 3, 4}));
    EXPECT_EQ(map.voxels.values, counting<std::uint8_t>());
    EXPECT_ERROR(read_label_map(folder / name, 23), "the label 23, allowed are 0 to 22");
  }
}

TEST(LabelMap, ScaledStorageIsRoundedBack) {
  const TempFolder folder;
  nifti_1_header header = plain_header(DT_UINT8, 8);
  header.scl_slope = 2.0F / 255;  // labels 0..2 stored over the whole range, as nibabel does with floats
  std::vector<std::uint8_t> voxels(24, 0);
  voxels[3] = 255;
  save(folder / "a.nii", nifti_bytes(header, voxels));
  EXPECT_EQ(read_label_map(folder / "a.nii", 3).voxels.values[3], 2);
  voxels[4] = 40;
  save(folder / "a.nii", nifti_bytes(header, voxels));
  EXPECT_ERROR(read_label_map(folder / "a.nii", 3), "not a whole number");
}

TEST(LabelMap, BadValuesAreNamed) {
  const TempFolder folder;
  const auto file_with = [&](float value) {
    std::vector<float> voxels(24, 1);
    voxels[7] = value;
    save(folder / "a.nii", nifti_bytes(plain_header(), voxels));
    return folder / "a.nii";
  };
  EXPECT_ERROR(read_label_map(file_with(1.5F), 3), "the label 1.5, which is not a whole number");
  EXPECT_ERROR(read_label_map(file_with(-1), 3), "the label -1, allowed are 0 to 2");
  EXPECT_ERROR(read_label_map(file_with(256)), "the label 256, allowed are 0 to 255");
  EXPECT_ERROR(read_label_map(file_with(1e10F)), "the label 10000000000, allowed");
  EXPECT_ERROR(read_label_map(file_with(std::nanf("")), 3), "the label nan");
  EXPECT_NO_THROW(read_label_map(file_with(255)));
  std::vector<std::int16_t> negative(24, -3);
  save(folder / "n.nii", nifti_bytes(plain_header(DT_INT16, 16), negative));
  EXPECT_ERROR(read_label_map(folder / "n.nii", 3), "the label -3, allowed are 0 to 2");
}

TEST(LabelMap, OneChannelOnly) {
  const TempFolder folder;
  nifti_1_header header = plain_header(DT_UINT8, 8);
  header.dim[0] = 4;
  header.dim[4] = 2;
  save(folder / "a.nii", nifti_bytes(header, counting<std::uint8_t>(48)));
  EXPECT_ERROR(read_label_map(folder / "a.nii"), "one channel");
}

TEST(LabelMap, WrittenWithTheGeometryOfItsImage) {
  nifti_1_header header = plain_header(DT_INT16, 16);
  header.sform_code = 2;
  header.qform_code = 1;
  header.quatern_c = 0.125F;
  header.qoffset_y = -33.3F;
  for (int i = 0; i < 4; ++i) header.srow_x[i] = header.srow_y[i] = 0.1F * static_cast<float>(i + 1);
  header.srow_z[2] = 3;
  header.pixdim[0] = -1;
  header.xyzt_units = NIFTI_UNITS_MM | NIFTI_UNITS_SEC;
  header.dim_info = 27;
  std::memcpy(header.descrip, "scanner 7", 10);
  header.scl_slope = 2;
  header.cal_max = 100;
  header.vox_offset = 352;
  const Image image = read(nifti_bytes(header, counting<std::int16_t>()));
  LabelMap map{Array<std::uint8_t>({2, 3, 4}, 1), image.geometry};
  map.voxels.values[5] = 2;

  const std::vector<std::byte> file = encode_label_map(map, false);
  ASSERT_EQ(file.size(), 352U + 24U);
  nifti_1_header expected = header;
  expected.datatype = DT_UINT8;
  expected.bitpix = 8;
  expected.scl_slope = 1;
  expected.cal_max = 0;
  expected.intent_code = NIFTI_INTENT_LABEL;
  EXPECT_EQ(std::memcmp(file.data(), &expected, 348), 0);
  EXPECT_EQ(static_cast<int>(file[352 + 5]), 2);
}

TEST(LabelMap, RoundTripAndDeterministicGzip) {
  const TempFolder folder;
  LabelMap map{Array<std::uint8_t>({2, 3, 4}), read(nifti_bytes(plain_header(), counting<float>())).geometry};
  std::iota(map.voxels.values.begin(), map.voxels.values.end(), std::uint8_t{0});
  write_label_map(folder / "a.nii.gz", map);
  write_label_map(folder / "b.nii", map);
  EXPECT_EQ(read_label_map(folder / "a.nii.gz").voxels.values, map.voxels.values);
  EXPECT_EQ(read_label_map(folder / "b.nii").voxels.values, map.voxels.values);
  EXPECT_EQ(encode_label_map(map, true), encode_label_map(map, true));
  const std::string packed = read_text(folder / "a.nii.gz");
  EXPECT_EQ(packed.substr(4, 4), std::string(4, '\0')) << "no time in the gzip header";
  EXPECT_ERROR(write_label_map(folder / "a.mha", map), "not the name of a NIfTI file");
  map.voxels.values.pop_back();
  EXPECT_ERROR(write_label_map(folder / "c.nii", map), "do not fit the shape");
}

TEST(LabelMap, Nifti2HeaderStaysNifti2) {
  nifti_2_header header{};
  header.sizeof_hdr = 540;
  std::memcpy(header.magic, "n+2\0\r\n\032\n", 8);
  const std::int64_t dim[8] = {3, 4, 3, 2, 1, 1, 1, 1};
  std::memcpy(header.dim, dim, sizeof dim);
  for (double& p : header.pixdim) p = 0.3;
  header.datatype = DT_UINT8;
  header.bitpix = 8;
  header.vox_offset = 544;
  header.sform_code = 1;
  header.srow_x[0] = 0.3;
  Bytes file(544 + 24, std::byte{5});
  std::memcpy(file.data(), &header, sizeof header);
  std::memset(file.data() + 540, 0, 4);
  const Image image = read(file);
  EXPECT_EQ(image.voxels.values, std::vector<float>(24, 5));
  EXPECT_EQ(image.geometry.affine[0][0], 0.3);
  EXPECT_EQ(image.geometry.spacing[0], static_cast<double>(0.3F));
  const LabelMap map{Array<std::uint8_t>({2, 3, 4}, 5), image.geometry};
  header.scl_slope = 1;
  header.intent_code = NIFTI_INTENT_LABEL;
  std::memcpy(file.data(), &header, sizeof header);
  EXPECT_EQ(encode_label_map(map, false), file);
  for (const int i : {0, 3, 4, 7}) {
    nifti_2_header bad = header;
    bad.magic[i] = 'x';
    std::memcpy(file.data(), &bad, sizeof bad);
    EXPECT_ERROR(read(file), "bad magic");
  }
}

TEST(LabelMap, WithoutAHeaderOneIsMade) {
  const TempFolder folder;
  LabelMap map{Array<std::uint8_t>({2, 3, 4}, 1), {}};
  map.geometry.shape = {2, 3, 4};
  map.geometry.spacing = {3, 2, 1};
  // Axes L-P-S.
  map.geometry.affine = {{{-1, 0, 0, 10}, {0, -2, 0, 20}, {0, 0, 3, -30}, {0, 0, 0, 1}}};
  write_label_map(folder / "a.nii", map);
  const LabelMap back = read_label_map(folder / "a.nii");
  EXPECT_EQ(back.geometry.affine, map.geometry.affine);
  EXPECT_EQ(back.geometry.spacing, map.geometry.spacing);
  EXPECT_EQ(header_in(back.geometry.header).qform_code, 1);
  EXPECT_EQ(header_in(back.geometry.header).quatern_d, 1);
}

TEST(WriteImage, ChannelsBecomeTheFourthAxis) {
  const TempFolder folder;
  Image image{Array<float>({2, 2, 3, 4}, 0.5F), read(nifti_bytes(plain_header(), counting<float>())).geometry};
  image.voxels.values[30] = -7.25F;
  write_image(folder / "a.nii.gz", image);
  const Image back = read_nifti(folder / "a.nii.gz");
  EXPECT_EQ(back.voxels.shape, image.voxels.shape);
  EXPECT_EQ(back.voxels.values, image.voxels.values);
  EXPECT_EQ(header_in(back.geometry.header).dim[0], 4);
}

// ---- Real images; the expected numbers are what nibabel 5 gives. ----

namespace {
double sum(const Image& image) {
  return std::accumulate(image.voxels.values.begin(), image.voxels.values.end(), 0.0);
}

void expect_affine(const Geometry& g, const std::array<std::array<double, 4>, 3>& expected) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(g.affine[i][j], expected[i][j], 1e-6);
  }
}
}  // namespace

TEST(RealImages, ObliqueCt) {
  NNUNET_NEEDS_SHARED("data/ct/CT_pitch.nii.gz");
  const Image image = read_nifti(shared_dir() / "data/ct/CT_pitch.nii.gz");
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{1, 58, 248, 175}));
  EXPECT_EQ(image.geometry.spacing, (Spacing3{2.3970494270324707, 0.8125, 0.8125}));
  EXPECT_EQ(sum(image), 95678796.0);
  EXPECT_EQ(image.voxels.values[12345], 3.0F);
  expect_affine(image.geometry, {{{0.8125, 0, 0, -69.02075958251953},
                                  {0, 0.779041051864624, 0.6807987689971924, -134.38560485839844},
                                  {0, -0.23076248168945312, 2.2983384132385254, -13.56882095336914}}});
}

TEST(RealImages, LeftPosteriorSuperiorMr) {
  NNUNET_NEEDS_SHARED("data/mr/example_mr_sm.nii.gz");
  const Image image = read_nifti(shared_dir() / "data/mr/example_mr_sm.nii.gz");
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{1, 20, 91, 117}));
  EXPECT_EQ(sum(image), 41238711.0);
  EXPECT_EQ(*std::min_element(image.voxels.values.begin(), image.voxels.values.end()), -47);
  expect_affine(image.geometry,
                {{{-3, 0, 0, 168.59963989257812}, {0, -3, 0, 166.35943603515625}, {0, 0, 3, 28.989641189575195}}});
}

TEST(RealImages, TwoChannels) {
  NNUNET_NEEDS_SHARED("data/Task23_TwoMR/imagesTr/mr_0.nii.gz");
  const Image image = read_nifti(shared_dir() / "data/Task23_TwoMR/imagesTr/mr_0.nii.gz");
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{2, 50, 70, 70}));
  EXPECT_NEAR(sum(image), 122542241.0118618, 1e-3);
  EXPECT_EQ(image.voxels.values[image.voxels.values.size() / 2], 13.229645729064941F);
}

TEST(RealImages, LabelMapOfACaseFitsItsImage) {
  NNUNET_NEEDS_SHARED("data/Task21_BodyCT/labelsTr/ct_0.nii.gz");
  const auto folder = shared_dir() / "data/Task21_BodyCT";
  const LabelMap map = read_label_map(folder / "labelsTr/ct_0.nii.gz", 42);
  const NiftiInfo image = read_nifti_info(folder / "imagesTr/ct_0.nii.gz");
  EXPECT_EQ(map.geometry.shape, image.geometry.shape);
  EXPECT_LT(affine_difference(map.geometry, image.geometry), 1e-4);
}
