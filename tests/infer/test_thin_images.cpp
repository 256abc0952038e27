// Images of a slice, a row or a voxel, and of headers in other units, through the whole way from file to label map.
#include <gtest/gtest.h>
#include <nifti1.h>

#include <cstring>

#include "nnunet/infer/predict_images.h"
#include "reference/shared.h"
#include "tiny.h"

namespace nnunet {
namespace {

class ThinImages : public testing::Test {
 protected:
  Predictor predictor_{Predictor({test::tiny_checkpoint(test::tiny_config(3, 1))}, {}, kCpu, Precision::fp32)};
};

TEST_F(ThinImages, AreSegmented) {
  for (const Shape3 shape :
       {Shape3{1, 18, 20}, Shape3{9, 1, 20}, Shape3{9, 18, 1}, Shape3{1, 1, 20}, Shape3{2, 18, 20}}) {
    for (const Spacing3 spacing : {Spacing3{1, 1, 1}, Spacing3{0.1, 0.1, 0.1}, Spacing3{5, 1, 1}}) {
      Image image = test::tiny_image(shape, 1, spacing);
      for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
        image.voxels.values[i] = 2 + std::sin(0.37F * static_cast<float>(i));
      const LabelMap label = predictor_.segment("thin", image);
      EXPECT_EQ(label.voxels.shape, (std::vector<std::int64_t>{shape[0], shape[1], shape[2]}));
      EXPECT_EQ(affine_difference(label.geometry, image.geometry), 0);
    }
  }
}

// The network sees the same millimetres; the label map has its image's header.
TEST_F(ThinImages, MicrometresAreSegmentedAsMillimetres) {
  const Image image = test::tiny_image({9, 18, 20});
  const std::vector<std::byte> plain = encode_image(image, false);
  std::vector<std::byte> file = plain;
  nifti_1_header header;
  std::memcpy(&header, file.data(), sizeof header);
  header.xyzt_units = NIFTI_UNITS_MICRON;
  for (int i = 1; i <= 3; ++i) header.pixdim[i] *= 1000;
  for (float* row : {header.srow_x, header.srow_y, header.srow_z})
    for (int i = 0; i < 4; ++i) row[i] *= 1000;
  std::memcpy(file.data(), &header, sizeof header);
  const LabelMap expected = predictor_.segment("mm", read_nifti(plain, "mm"));
  const LabelMap label = predictor_.segment("micrometres", read_nifti(file, "micrometres"));
  EXPECT_EQ(label.voxels.values, expected.voxels.values);
  EXPECT_LT(affine_difference(label.geometry, expected.geometry), 1e-5);
  nifti_1_header written;
  std::memcpy(&written, encode_label_map(label, false).data(), sizeof written);
  EXPECT_EQ(written.xyzt_units, NIFTI_UNITS_MICRON);
  EXPECT_EQ(std::memcmp(written.pixdim, header.pixdim, sizeof header.pixdim), 0);
  EXPECT_EQ(std::memcmp(written.srow_x, header.srow_x, 3 * sizeof header.srow_x), 0);
}

}  // namespace
}  // namespace nnunet
