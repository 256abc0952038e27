#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nnunet/kernels/half.h"

namespace nnunet::kernels {
namespace {

Half half(float value) {
  Half h{};
  from_float(value, h);
  return h;
}

TEST(Half, EveryNumberComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float value = to_float(Half{static_cast<std::uint16_t>(bits)});
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(to_float(half(value)))) << bits;
    else
      EXPECT_EQ(half(value).bits, bits);
  }
}

TEST(Half, ItsValues) {
  EXPECT_EQ(to_float(Half{0x3c00}), 1.0f);
  EXPECT_EQ(to_float(Half{0xc248}), -3.140625f);
  EXPECT_EQ(to_float(Half{0x7bff}), 65504.0f);
  EXPECT_EQ(to_float(Half{0x0001}), 0x1p-24f);
  EXPECT_EQ(to_float(Half{0xfc00}), -std::numeric_limits<float>::infinity());
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(half(1 + 0x1p-11f).bits, 0x3c00);
  EXPECT_EQ(half(1 + 3 * 0x1p-11f).bits, 0x3c02);
  EXPECT_EQ(half(1 + 1.01f * 0x1p-11f).bits, 0x3c01);
  EXPECT_EQ(half(65519.99f).bits, 0x7bff);
  EXPECT_EQ(half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(half(0x1p-25f).bits, 0);
  EXPECT_EQ(half(1.5f * 0x1p-24f).bits, 2);
  EXPECT_EQ(half(-1e30f).bits, 0xfc00);
}

}  // namespace
}  // namespace nnunet::kernels
