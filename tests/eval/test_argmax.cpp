#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nnunet/eval/argmax.h"

namespace nnunet {
namespace {

template <class T>
void check(std::size_t voxels, std::size_t class_stride) {
  std::vector<T> values(5 * class_stride);
  for (std::size_t k = 0; k < 5; ++k)
    for (std::size_t i = 0; i < voxels; ++i)
      values[k * class_stride + i] =
          static_cast<T>(std::sin(0.37 * static_cast<double>(i + 31 * (k == 3 ? 1 : k))));  // classes 1 and 3 tie
  std::vector<std::uint8_t> labels(voxels, 99);
  EXPECT_TRUE(argmax_classes(values.data(), 5, class_stride, labels));
  for (std::size_t i = 0; i < voxels; ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < 5; ++k)
      if (values[k * class_stride + i] > values[best * class_stride + i]) best = k;
    ASSERT_EQ(labels[i], best) << i << " of " << voxels;
  }
  values[2 * class_stride + voxels - 1] = std::numeric_limits<T>::quiet_NaN();
  EXPECT_FALSE(argmax_classes(values.data(), 5, class_stride, labels));
}

TEST(Argmax, FirstOfEqualsAnyLengthAndStride) {
  for (const std::size_t voxels : {1, 7, 1023, 1024, 1025, 3000})
    for (const std::size_t gap : {0, 5}) {
      check<float>(voxels, voxels + gap);
      check<double>(voxels, voxels + gap);
    }
}

TEST(Argmax, OneClassAndTheMost) {
  std::vector<std::uint8_t> labels(1);
  std::vector<float> values(256, 0.0F);
  values[255] = 1;
  EXPECT_TRUE(argmax_classes(values.data(), 256, 1, labels));
  EXPECT_EQ(labels[0], 255);
  EXPECT_TRUE(argmax_classes(values.data(), 1, 1, labels));
  EXPECT_EQ(labels[0], 0);
}

}  // namespace
}  // namespace nnunet
