// Units, voxel size and affine of NIfTI headers as they are met outside of textbooks. The expected numbers are what
// nibabel 5 gives (get_zooms, affine), times the unit.
#include <gtest/gtest.h>
#include <nifti2.h>

#include <cmath>
#include <limits>

#include "nifti_bytes.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"
#include "warnings.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

using Change = std::function<void(nifti_1_header&)>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

/// Diagonal sform.
void set_sform(nifti_1_header& h, float x, float y, float z) {
  h.sform_code = 1;
  h.srow_x[0] = x, h.srow_y[1] = y, h.srow_z[2] = z;
}

Bytes file_with(const Change& change, std::size_t voxels = 24) {
  nifti_1_header header = plain_header(DT_UINT8, 8);
  change(header);
  return nifti_bytes(header, counting<std::uint8_t>(voxels));
}

/// The geometry, and the warnings on the way. Names differ, since a file's warning is said once.
struct Read {
  Geometry geometry;
  std::string warnings;
};
Read read(const Change& change) {
  static int number = 0;
  const std::string name = "file" + std::to_string(++number);
  Read result;
  result.warnings = warnings_of([&] { result.geometry = read_nifti(file_with(change), name).geometry; });
  EXPECT_EQ(result.warnings.empty(), result.warnings.find(name) == std::string::npos) << result.warnings;
  return result;
}

void scale(nifti_1_header& h, float factor) {
  for (int i = 1; i <= 3; ++i) h.pixdim[i] *= factor;
  for (float* row : {h.srow_x, h.srow_y, h.srow_z})
    for (int i = 0; i < 4; ++i) row[i] *= factor;
  h.qoffset_x *= factor, h.qoffset_y *= factor, h.qoffset_z *= factor;
}

void expect_same_space(const Geometry& a, const Geometry& b) {
  EXPECT_EQ(a.spacing, b.spacing);
  EXPECT_LT(affine_difference(a, b), 1e-4);
}

}  // namespace

TEST(NiftiUnits, MetresAndMicrometresBecomeMillimetres) {
  const std::vector<Change> forms{
      [](auto&) {},
      [](auto& h) { h.qform_code = 1, h.quatern_d = 1, h.qoffset_x = 12; },
      [](auto& h) { set_sform(h, -1, 2, 3), h.srow_x[3] = 40, h.srow_y[0] = 0.0625F; },
  };
  for (const Change& form : forms) {
    const Read plain = read([&](auto& h) { form(h), h.xyzt_units = NIFTI_UNITS_MM; });
    EXPECT_EQ(plain.geometry.spacing, (Spacing3{3, 2, 1}));
    const auto in_unit = [&](int unit, float factor) {
      return read([&](auto& h) {
        form(h);
        scale(h, factor);
        h.xyzt_units = static_cast<char>(unit | NIFTI_UNITS_SEC);
      });
    };
    const Read metres = in_unit(NIFTI_UNITS_METER, 0.001F), microns = in_unit(NIFTI_UNITS_MICRON, 1000),
               unknown = in_unit(NIFTI_UNITS_UNKNOWN, 1);
    for (const Read& other : {metres, microns, unknown}) {
      expect_same_space(plain.geometry, other.geometry);
      EXPECT_EQ(other.warnings, "");
    }
  }
}

TEST(NiftiUnits, InfoAndLabelMapsToo) {
  const TempFolder folder;
  save(folder / "a.nii", file_with([](auto& h) { scale(h, 1000), h.xyzt_units = NIFTI_UNITS_MICRON; }));
  EXPECT_EQ(read_nifti_info(folder / "a.nii").geometry.spacing, (Spacing3{3, 2, 1}));
  const LabelMap map = read_label_map(folder / "a.nii");
  EXPECT_EQ(map.geometry.spacing, (Spacing3{3, 2, 1}));
  EXPECT_EQ(map.geometry.affine[2][2], 3);
}

TEST(NiftiUnits, OutputsKeepTheFilesOwn) {
  nifti_1_header header = plain_header(DT_UINT8, 8);
  set_sform(header, 1, 2, 3);
  scale(header, 1000);
  header.pixdim[2] = -header.pixdim[2];
  header.xyzt_units = NIFTI_UNITS_MICRON;
  const Image image = read_nifti(nifti_bytes(header, counting<std::uint8_t>()), "units");
  const LabelMap map{Array<std::uint8_t>({2, 3, 4}, 1), image.geometry};
  for (const std::vector<std::byte>& file : {encode_label_map(map, false), encode_image(image, false)}) {
    nifti_1_header written;
    std::memcpy(&written, file.data(), sizeof written);
    EXPECT_EQ(written.xyzt_units, NIFTI_UNITS_MICRON);
    EXPECT_EQ(written.pixdim[1], 1000);
    EXPECT_EQ(written.pixdim[2], -2000);
    EXPECT_EQ(written.srow_z[2], 3000);
    EXPECT_EQ(written.sform_code, 1);
    expect_same_space(read_nifti(file, "units again").geometry, image.geometry);
  }
}

TEST(NiftiUnits, Nifti2) {
  nifti_2_header header{};
  header.sizeof_hdr = 540;
  std::memcpy(header.magic, "n+2\0\r\n\032\n", 8);
  const std::int64_t dim[8] = {3, 4, 3, 2, 1, 1, 1, 1};
  std::memcpy(header.dim, dim, sizeof dim);
  for (double& p : header.pixdim) p = 300;
  header.pixdim[1] = -300;
  header.datatype = DT_UINT8;
  header.vox_offset = 544;
  header.xyzt_units = NIFTI_UNITS_MICRON;
  Bytes file(544 + 24);
  std::memcpy(file.data(), &header, sizeof header);
  const Geometry geometry = read_nifti(file, "nifti2").geometry;
  const auto size = static_cast<double>(0.3F);
  EXPECT_EQ(geometry.spacing, (Spacing3{size, size, size}));
  EXPECT_EQ(geometry.affine[2][2], size);
}

TEST(NiftiUnits, DoubtfulOnesAreSaid) {
  const Read other = read([](auto& h) { h.xyzt_units = 5; });
  EXPECT_EQ(other.geometry.spacing, (Spacing3{3, 2, 1}));
  EXPECT_HAS(other.warnings, "the unit of length 5 in its header (xyzt_units) is not known, millimetres are assumed");
  const Read city = read([](auto& h) { h.xyzt_units = NIFTI_UNITS_METER; });
  EXPECT_EQ(city.geometry.spacing, (Spacing3{3000, 2000, 1000}));
  EXPECT_HAS(city.warnings, "is in metres, which makes its voxels 1000 x 2000 x 3000 mm");
  EXPECT_HAS(read([](auto& h) { h.xyzt_units = NIFTI_UNITS_MICRON; }).warnings, "is in micrometres");
  EXPECT_EQ(read([](auto& h) { h.xyzt_units = NIFTI_UNITS_MSEC; }).warnings, "");  // of time only
}

TEST(NiftiPixdim, NegativeOnesCountWithoutTheirSign) {
  for (int axis = 1; axis <= 3; ++axis) {
    const Read negative = read([&](auto& h) { set_sform(h, 1, 2, 3), h.pixdim[axis] *= -1; });
    EXPECT_EQ(negative.geometry.spacing, (Spacing3{3, 2, 1}));
    EXPECT_HAS(negative.warnings, "pixdim[" + std::to_string(axis) + "] is -" + std::to_string(axis) + ", " +
                                      std::to_string(axis) + " is taken (its absolute value)");
    EXPECT_EQ(negative.warnings.find("by the affine"), std::string::npos) << negative.warnings;
  }
  // The affine of a qform is made from the repaired ones, as in nibabel.
  const Geometry by_qform = read([](auto& h) { h.qform_code = 1, h.pixdim[2] = -2; }).geometry;
  EXPECT_EQ(by_qform.affine[1][1], 2);
  const Geometry by_none = read([](auto& h) { h.pixdim[1] = -1; }).geometry;
  EXPECT_EQ(by_none.affine[0], (std::array<double, 4>{-1, 0, 0, 1.5}));
}

TEST(NiftiPixdim, ZeroIsOneOrWhatTheSformSays) {
  const Read bare = read([](auto& h) { h.pixdim[2] = 0; });
  EXPECT_EQ(bare.geometry.spacing, (Spacing3{3, 1, 1}));
  EXPECT_EQ(bare.geometry.affine[1][1], 1);
  EXPECT_HAS(bare.warnings, "pixdim[2] is 0, 1 is taken (as nibabel does)");
  const Read known = read([](auto& h) { set_sform(h, 1, 2.5F, 3), h.pixdim[2] = 0; });
  EXPECT_EQ(known.geometry.spacing, (Spacing3{3, 2.5, 1}));
  EXPECT_HAS(known.warnings, "pixdim[2] is 0, 2.5 is taken (the affine's voxel size)");
  const Read empty = read([](auto& h) { set_sform(h, 1, 0, 3), h.pixdim[2] = 0; });
  EXPECT_EQ(empty.geometry.spacing, (Spacing3{3, 1, 1}));
}

TEST(NiftiPixdim, NotFiniteOnlyWithASform) {
  for (const float bad : {kNan, kInf, -kInf}) {
    const Read known = read([&](auto& h) { set_sform(h, -1, 2, 3), h.pixdim[1] = bad; });
    EXPECT_EQ(known.geometry.spacing, (Spacing3{3, 2, 1}));
    EXPECT_HAS(known.warnings, "1 is taken (the affine's voxel size)");
    EXPECT_ERROR(read_nifti(file_with([&](auto& h) { h.pixdim[1] = bad; }), "bad"),
                 "the voxel spacing along axis 1 is");
    EXPECT_ERROR(read_nifti(file_with([&](auto& h) { h.qform_code = 1, h.pixdim[1] = bad; }), "bad"), "no sform");
  }
  EXPECT_ERROR(read_nifti(file_with([](auto& h) { h.pixdim[1] = 3e38F, h.xyzt_units = NIFTI_UNITS_METER; }), "huge"),
               "the voxel spacing along axis 1 is");
}

TEST(NiftiPixdim, PlanesNeedNoThickness) {
  for (const float thickness : {0.0F, kNan}) {
    const Read plane = read([&](auto& h) {
      h.dim[0] = 2, h.pixdim[3] = thickness, h.xyzt_units = NIFTI_UNITS_MICRON;
      h.pixdim[1] = h.pixdim[2] = 500;
    });
    EXPECT_EQ(plane.geometry.spacing, (Spacing3{1, 0.5, 0.5}));
    EXPECT_EQ(plane.warnings, "");
  }
}

TEST(NiftiAffine, AnotherVoxelSizeIsSaid) {
  const Read other = read([](auto& h) { set_sform(h, 2, 4, 6); });
  EXPECT_EQ(other.geometry.spacing, (Spacing3{3, 2, 1}));  // pixdim, as the reference
  EXPECT_HAS(other.warnings, "its voxels are 1 x 2 x 3 mm by pixdim and 2 x 4 x 6 mm by the affine; pixdim is used");
  for (const float factor : {1.02F, 0.98F})
    EXPECT_HAS(read([&](auto& h) { set_sform(h, 1, 2, 3 * factor); }).warnings, "by the affine");
  for (const float factor : {1.005F, 0.995F})
    EXPECT_EQ(read([&](auto& h) { set_sform(h, 1, 2, 3 * factor); }).warnings, "");
  // Turned axes are as long as before.
  EXPECT_EQ(read([](auto& h) {
              set_sform(h, 0.6F, 1.6F, 3);
              h.srow_y[0] = 0.8F, h.srow_x[1] = -1.2F;
            }).warnings,
            "");
}

TEST(NiftiAffine, NotFiniteIsRefusedWhereItIsUsed) {
  for (const float bad : {kNan, kInf}) {
    const auto error = [&](const Change& change) { return error_of([&] { read_nifti(file_with(change), "bad"); }); };
    EXPECT_HAS(error([&](auto& h) { set_sform(h, 1, 2, 3), h.srow_y[3] = bad; }), "(sform) holds NaN or infinite");
    EXPECT_HAS(error([&](auto& h) { set_sform(h, 1, bad, 3); }), "(sform) holds NaN or infinite");
    EXPECT_HAS(error([&](auto& h) { h.qform_code = 1, h.qoffset_z = bad; }), "(qform) holds NaN or infinite");
    EXPECT_HAS(error([&](auto& h) { h.qform_code = 1, h.quatern_b = kNan; }), "(qform) holds NaN or infinite");
    EXPECT_EQ(error([&](auto& h) { h.srow_y[3] = bad, h.qoffset_z = bad; }), "no error");  // codes 0: unused
    EXPECT_EQ(error([&](auto& h) { set_sform(h, 1, 2, 3), h.qform_code = 1, h.qoffset_z = bad; }), "no error");
  }
}

TEST(NiftiWarnings, OnceAFile) {
  const TempFolder folder;
  save(folder / "a.nii", file_with([](auto& h) { h.pixdim[1] = -1; }));
  EXPECT_EQ(warnings_of([&] { read_nifti_info(folder / "a.nii"); }), "");
  EXPECT_HAS(warnings_of([&] { read_nifti(folder / "a.nii"); }), "a.nii: pixdim[1] is -1");
  EXPECT_EQ(warnings_of([&] { read_label_map(folder / "a.nii"), read_nifti(folder / "a.nii"); }), "");
}

TEST(NiftiVectors, FifthAxisHoldsChannels) {
  for (const int intent : {0, 1007}) {
    const Bytes file = file_with(
        [&](auto& h) {
          h.dim[0] = 5, h.dim[4] = 1, h.dim[5] = 2;
          h.intent_code = static_cast<short>(intent);
        },
        48);
    const Image image = read_nifti(file, "vector");
    EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{2, 2, 3, 4}));
    EXPECT_EQ(image.voxels.slab(1)[0], 24);
    EXPECT_EQ(read_nifti(encode_image(image, false), "written").voxels.values, image.voxels.values);
    nifti_1_header written;
    std::memcpy(&written, encode_label_map({Array<std::uint8_t>({2, 3, 4}), image.geometry}, false).data(), 348);
    EXPECT_EQ(written.dim[0], 3);
    EXPECT_EQ(written.dim[5], 1);
    EXPECT_EQ(written.intent_code, NIFTI_INTENT_LABEL);
    EXPECT_ERROR(read_label_map(file, "vector"), "a label map has one channel, this file 2");
  }
  // A plane of vectors.
  const Image plane = read_nifti(file_with([](auto& h) { h.dim[0] = 5, h.dim[3] = 1, h.dim[5] = 3; }, 36), "plane");
  EXPECT_EQ(plane.voxels.shape, (std::vector<std::int64_t>{3, 1, 3, 4}));
}

TEST(NiftiVectors, TimesOfVectorsAreRefused) {
  EXPECT_ERROR(read_nifti(file_with([](auto& h) { h.dim[0] = 5, h.dim[4] = 3, h.dim[5] = 2; }, 144), "a"),
               "has 3 volumes of 2 components each");
  EXPECT_ERROR(read_nifti(file_with([](auto& h) { h.dim[0] = 6, h.dim[6] = 2; }, 48), "a"), "at most 5 are known");
  EXPECT_NO_THROW(read_nifti(file_with([](auto& h) { h.dim[0] = 5, h.dim[4] = 3; }, 72), "a"));
}
