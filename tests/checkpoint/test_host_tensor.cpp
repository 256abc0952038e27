#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>

#include "checkpoint/zip_reader.h"
#include "infer/tiny.h"
#include "nnunet/checkpoint/weights.h"
#include "nnunet/core/error.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

HostTensor counting(const std::vector<std::int64_t>& shape) {
  std::vector<float> values(static_cast<std::size_t>(Array<float>::count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return {shape, values};
}

/// The axes in the other order, over the same numbers.
HostTensor transposed(HostTensor t) {
  std::ranges::reverse(t.sizes);
  std::ranges::reverse(t.strides);
  return t;
}

TEST(HostTensor, ContiguousPutsNumbersInRowMajorOrder) {
  const HostTensor t = counting({2, 3});
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_EQ(t.contiguous().data(), t.data());
  const HostTensor turned = transposed(t);
  EXPECT_FALSE(turned.is_contiguous());
  const HostTensor plain = turned.contiguous();
  EXPECT_EQ(plain.sizes, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(std::vector<float>(plain.floats().begin(), plain.floats().end()), (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(HostTensor, AViewBeginsAtItsOffset) {
  HostTensor slice = counting({6});
  slice.offset = 1;
  slice.sizes = {2};
  slice.strides = {3};
  const HostTensor plain = slice.contiguous();
  EXPECT_EQ(std::vector<float>(plain.floats().begin(), plain.floats().end()), (std::vector<float>{1, 4}));
}

TEST(HostTensor, OtherFloatsBecomeFloat32) {
  const auto floats = [](const HostTensor& t) {
    const HostTensor wide = t.to_float32("t");
    return std::vector<float>(wide.floats().begin(), wide.floats().end());
  };
  EXPECT_EQ(floats(HostTensor({2}, std::vector<double>{0.1, -3})), (std::vector<float>{0.1F, -3}));
  const auto of_bits = [&](Dtype type, std::vector<std::uint16_t> bits) {
    HostTensor t = HostTensor::uninitialised(type, {static_cast<std::int64_t>(bits.size())});
    std::memcpy(t.mutable_bytes(), bits.data(), 2 * bits.size());
    return floats(t);
  };
  // 1, -2, the largest, the smallest normal and subnormal number, zero, infinity (IEEE 754 binary16).
  EXPECT_EQ(of_bits(Dtype::float16, {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x7c00}),
            (std::vector<float>{1, -2, 65504, 0x1p-14F, 0x1p-24F, -0.0F, INFINITY}));
  EXPECT_EQ(of_bits(Dtype::bfloat16, {0x3f80, 0xc000, 0x0080}), (std::vector<float>{1, -2, 0x1p-126F}));
  EXPECT_THROW(HostTensor(Dtype::int64, {2}).to_float32("counter"), Error);
}

TEST(HostTensor, RefusesValuesOfAnotherNumber) {
  EXPECT_THROW(HostTensor({3}, std::vector<float>{1, 2}), Error);
}

TEST(TorchFileEntries, LieAtMultiplesOf64) {
  const test::TempFolder folder;
  Value::Dict dict;
  for (int i = 0; i < 5; ++i) dict.emplace_back("t" + std::to_string(i), counting({7 + i}));
  save_torch_file(folder / "a.pt", dict);
  std::ifstream file(folder / "a.pt", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  int found = 0;
  for (int i = 0; i < 5; ++i) {
    const HostTensor t = counting({7 + i});
    const std::string content(static_cast<const char*>(t.data()), static_cast<std::size_t>(t.nbytes()));
    for (std::size_t at = bytes.find(content); at != std::string::npos; at = bytes.find(content, at + 1))
      found += at % 64 == 0 ? 1 : 0;
  }
  EXPECT_GE(found, 5);
}

TEST(NetworkWeights, AreThoseOfThePlan) {
  Checkpoint c = test::tiny_checkpoint(test::tiny_config(3));
  EXPECT_EQ(network_weights(c, "x").size(), c.state_dict.size());
  const auto message = [](const Checkpoint& checkpoint) -> std::string {
    try {
      network_weights(checkpoint, "weights.ckpt");
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  Checkpoint missing = c, shape = c, more = c, type = c;
  missing.state_dict.pop_back();
  EXPECT_NE(message(missing).find("is missing"), std::string::npos);
  shape.state_dict.front().second = counting({1});
  EXPECT_NE(message(shape).find("has the shape"), std::string::npos);
  more.state_dict.emplace_back("extra.weight", counting({1}));
  EXPECT_NE(message(more).find("no part"), std::string::npos);
  HostTensor& first = type.state_dict.front().second;
  first = HostTensor(Dtype::int64, first.sizes);
  EXPECT_NE(message(type).find("int64"), std::string::npos);
}

}  // namespace
}  // namespace nnunet
