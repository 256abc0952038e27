// Arrays as numpy.save writes them of whatever type, byte order and order of axes; the bytes are numpy's.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "expect_error.h"
#include "nnunet/io/npy.h"
#include "npy_bytes.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;

namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values, bool swapped = false) {
  std::string bytes;
  for (const T value : values) {
    char one[sizeof(T)];
    std::memcpy(one, &value, sizeof value);
    if (swapped) std::reverse(one, one + sizeof value);
    bytes.append(one, sizeof value);
  }
  return bytes;
}

std::string shape_of(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t n : shape) text += std::to_string(n) + ", ";
  return text + ")";
}

/// 0, 1, 2, ... in C order, in the order in which Fortran stores them.
template <class T>
std::vector<T> fortran_counting(const std::vector<std::int64_t>& shape) {
  std::vector<T> stored;
  std::vector<std::int64_t> at(shape.size());
  std::int64_t count = 1;
  for (const std::int64_t n : shape) count *= n;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t c_index = 0;
    for (std::size_t a = 0; a < shape.size(); ++a) c_index = c_index * shape[a] + at[a];
    stored.push_back(static_cast<T>(c_index % 251));
    for (std::size_t a = 0; a < shape.size() && ++at[a] == shape[a]; ++a) at[a] = 0;
  }
  return stored;
}

class NpyKinds : public testing::Test {
 protected:
  NpyFile open(const std::string& type, const std::string& order, const std::vector<std::int64_t>& shape,
               const std::string& values) const {
    save(folder_ / "a.npy", npy(dict(type, order, shape_of(shape)), values));
    return NpyFile(folder_ / "a.npy");
  }

  template <class T>
  std::vector<T> values(const NpyFile& file) const {
    const auto all = file.values<T>();
    return {all.begin(), all.end()};
  }

  template <class T>
  void expect_all_orders(const std::string& type) const {
    for (const std::vector<std::int64_t>& shape : std::vector<std::vector<std::int64_t>>{
             {7}, {2, 3}, {4, 1, 5}, {2, 3, 4}, {1, 5, 1, 7}, {2, 3, 4, 5}, {3, 2, 2, 3, 4}, {70, 2, 65}}) {
      std::vector<T> expected;
      const std::vector<T> fortran = fortran_counting<T>(shape);
      for (std::size_t i = 0; i < fortran.size(); ++i) expected.push_back(static_cast<T>(i % 251));
      const auto check = [&](const NpyFile& file) {
        EXPECT_EQ(file.shape(), shape);
        EXPECT_EQ(file.dtype(), type);
        EXPECT_EQ(values<T>(file), expected) << type << shape_of(shape);
      };
      for (const bool big : {false, true}) {
        const std::string descr = (sizeof(T) == 1 ? "|" : big ? ">" : "<") + type;
        check(open(descr, "False", shape, bytes_of(expected, big)));
        check(open(descr, "True", shape, bytes_of(fortran, big)));
      }
    }
  }

  TempFolder folder_;
};

}  // namespace

TEST_F(NpyKinds, EveryTypeInEveryOrder) {
  static_assert(std::endian::native == std::endian::little);
  expect_all_orders<float>("f4");
  expect_all_orders<double>("f8");
  expect_all_orders<std::uint8_t>("u1");
  expect_all_orders<std::uint16_t>("u2");
  expect_all_orders<std::uint32_t>("u4");
  expect_all_orders<std::uint64_t>("u8");
  expect_all_orders<std::int8_t>("i1");
  expect_all_orders<std::int16_t>("i2");
  expect_all_orders<std::int32_t>("i4");
  expect_all_orders<std::int64_t>("i8");
}

// numpy.save of arange(6, dtype="<i2").reshape(2, 3).T.
TEST_F(NpyKinds, ATransposedArray) {
  const NpyFile file = open("<i2", "True", {3, 2}, bytes_of<std::int16_t>({0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(values<std::int16_t>(file), (std::vector<std::int16_t>{0, 3, 1, 4, 2, 5}));
}

TEST_F(NpyKinds, HalvesBecomeFloats) {
  const std::vector<std::uint16_t> halves{0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff,
                                          0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x7e00};
  const float tiny = std::ldexp(1.0F, -24), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> expected{0, -0.0F, 1, -2, 0.333251953125F, 65504, tiny, tiny * 1023, tiny * 1024, inf, -inf};
  for (const bool big : {false, true}) {
    const NpyFile file = open(big ? ">f2" : "<f2", "False", {12}, bytes_of(halves, big));
    EXPECT_EQ(file.dtype(), "f4");
    const auto read = values<float>(file);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), read.begin()));
    EXPECT_TRUE(std::signbit(read[1]));
    EXPECT_TRUE(std::isnan(read[11]));
  }
  const NpyFile turned = open("<f2", "True", {2, 2}, bytes_of<std::uint16_t>({0x3c00, 0xc000, 0, 0x7bff}));
  EXPECT_EQ(values<float>(turned), (std::vector<float>{1, 0, -2, 65504}));
}

TEST_F(NpyKinds, BoolIsZeroAndOne) {
  const NpyFile file = open("|b1", "True", {2, 2}, std::string("\1\0\0\1", 4));
  EXPECT_EQ(file.dtype(), "u1");
  EXPECT_EQ(values<std::uint8_t>(file), (std::vector<std::uint8_t>{1, 0, 0, 1}));
}

TEST_F(NpyKinds, EmptyArrays) {
  EXPECT_EQ(open(">f4", "True", {0, 3}, "").values<float>().size(), 0U);
  EXPECT_EQ(open(">f4", "True", {0, 1099511627776, 1048576}, "").values<float>().size(), 0U);
}

// Of old versions of numpy: a header of any length.
TEST_F(NpyKinds, ValuesAtAnyAddress) {
  std::string head = dict("<f8", "False", "(2,)");
  head.append(head.size() % 2 == 0 ? 1 : 2, ' ');
  std::string file = "\x93NUMPY\x01";
  file += {'\0', static_cast<char>(head.size()), '\0'};
  save(folder_ / "a.npy", file + head + bytes_of<double>({1.5, -2}));
  EXPECT_EQ(values<double>(NpyFile(folder_ / "a.npy")), (std::vector<double>{1.5, -2}));
}

TEST_F(NpyKinds, NativeFilesAreNotCopied) {
  const NpyFile file = open("<f4", "False", {2, 2}, bytes_of<float>({1, 2, 3, 4}));
  const float* mapped = file.values<float>().data();
  EXPECT_EQ(file.as<float>().values<float>().data(), mapped);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapped) % 4096, 128U);  // the header's 128 bytes after a page's start
}

TEST_F(NpyKinds, ConvertedWhereEveryValueFits) {
  const auto labels = [&](const NpyFile& file) { return values<std::uint8_t>(file.as<std::uint8_t>()); };
  const std::vector<std::uint8_t> expected{0, 255, 7};
  EXPECT_EQ(labels(open("<i8", "False", {3}, bytes_of<std::int64_t>({0, 255, 7}))), expected);
  EXPECT_EQ(labels(open(">u8", "False", {3}, bytes_of<std::uint64_t>({0, 255, 7}, true))), expected);
  EXPECT_EQ(labels(open("<f4", "False", {3}, bytes_of<float>({0, 255, 7}))), expected);
  EXPECT_EQ(labels(open("<f2", "False", {3}, bytes_of<std::uint16_t>({0, 0x5bf8, 0x4700}))), expected);
  const auto error = [&](const NpyFile& file) { return error_of([&] { labels(file); }); };
  const std::string range = "which is not a whole number from 0 to 255";
  EXPECT_EQ(error(open("<i8", "False", {1}, bytes_of<std::int64_t>({4294967296}))).find("holds 4294967296, " + range),
            (folder_ / "a.npy").string().size() + 2);
  for (const double bad : {-1.0, 256.0, 0.5, 1e300, std::nan("")})
    EXPECT_NE(error(open("<f8", "False", {1}, bytes_of<double>({bad}))).find(range), std::string::npos) << bad;
  EXPECT_NE(error(open("<i4", "False", {1}, bytes_of<std::int32_t>({-1}))).find("holds -1"), std::string::npos);

  const NpyFile large = open("<u8", "False", {1}, bytes_of<std::uint64_t>({std::uint64_t{1} << 63U}));
  EXPECT_ERROR(large.as<std::int64_t>(), "holds 9223372036854775808, which is not a whole number from");
  EXPECT_ERROR(open("<f8", "False", {1}, bytes_of<double>({0x1p63})).as<std::int64_t>(), "not a whole number");
  EXPECT_EQ(open("<f8", "False", {1}, bytes_of<double>({-0x1p63})).as<std::int64_t>().values<std::int64_t>()[0],
            std::numeric_limits<std::int64_t>::min());
  EXPECT_ERROR(open("<f8", "False", {1}, bytes_of<double>({1e300})).as<float>(), "too large for float32");
  EXPECT_EQ(open("<i2", "False", {2}, bytes_of<std::int16_t>({-3, 5})).as<float>().values<float>()[0], -3.0F);
  EXPECT_TRUE(std::isinf(open("<f8", "False", {1}, bytes_of<double>({INFINITY})).as<float>().values<float>()[0]));
}
