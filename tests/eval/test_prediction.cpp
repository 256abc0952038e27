// Class maps and softmaxes as numpy.save writes them of any type and order.
#include "nnunet/eval/prediction.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "io/expect_error.h"
#include "io/npy_bytes.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

class ReadClassMap : public testing::Test {
 protected:
  ClassMap read(const std::string& type, const std::string& order, const std::string& shape,
                const std::string& values) const {
    test::save(folder_ / "a.npy", test::npy(test::dict(type, order, shape), values));
    return read_class_map(folder_ / "a.npy");
  }
  void expect_classes(const ClassMap& map) const {
    EXPECT_EQ(map.voxels.shape, (std::vector<std::int64_t>{1, 2, 3}));
    EXPECT_EQ(map.voxels.values, (std::vector<std::uint8_t>{0, 1, 0, 1, 1, 0}));
    EXPECT_EQ(map.n_class, 2);
  }
  test::TempFolder folder_;
};

TEST_F(ReadClassMap, OfAnyType) {
  const auto check = [&](auto zero, const char* type) {
    using T = decltype(zero);
    expect_classes(read(type, "False", "(1, 2, 3)", bytes_of<T>({0, 1, 0, 1, 1, 0})));
    expect_classes(read(type, "True", "(1, 2, 3)", bytes_of<T>({0, 1, 1, 1, 0, 0})));
  };
  check(std::uint8_t{}, "|b1");
  check(std::uint8_t{}, "|u1");
  check(std::int8_t{}, "|i1");
  check(std::int16_t{}, "<i2");
  check(std::uint16_t{}, "<u2");
  check(std::int32_t{}, "<i4");
  check(std::uint32_t{}, "<u4");
  check(std::int64_t{}, "<i8");
  check(std::uint64_t{}, "<u8");
  check(float{}, "<f4");
  check(double{}, "<f8");
  expect_classes(read("<f2", "False", "(1, 2, 3)", bytes_of<std::uint16_t>({0, 0x3c00, 0, 0x3c00, 0x3c00, 0})));
  expect_classes(read(">i2", "False", "(1, 2, 3)", bytes_of<std::uint16_t>({0, 0x100, 0, 0x100, 0x100, 0})));
  EXPECT_ERROR(read("<i8", "False", "(1, 1, 1)", bytes_of<std::int64_t>({std::int64_t{1} << 40})), "is not a class");
  EXPECT_ERROR(read("<u8", "False", "(1, 1, 1)", bytes_of<std::uint64_t>({~std::uint64_t{0}})), "is not a class");
}

// Three classes over two voxels: the largest are those of classes 1 and 2.
TEST_F(ReadClassMap, SoftmaxInHalvesAndInFortranOrder) {
  const auto expect = [](const ClassMap& map) {
    EXPECT_EQ(map.n_class, 3);
    EXPECT_EQ(map.voxels.values, (std::vector<std::uint8_t>{1, 2}));
  };
  const std::uint16_t quarter = 0x3400, half = 0x3800;
  expect(read("<f2", "False", "(3, 1, 1, 2)", bytes_of<std::uint16_t>({quarter, 0, half, quarter, 0, half})));
  expect(read("<f4", "True", "(3, 1, 1, 2)", bytes_of<float>({0.25F, 0.5F, 0, 0, 0.25F, 0.5F})));
}

}  // namespace
}  // namespace nnunet
