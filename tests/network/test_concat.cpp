#include <gtest/gtest.h>

#include "nnunet/network/concat.h"
#include "nnunet/network/memory_format.h"

namespace nnunet {
namespace {

torch::Tensor random(const std::vector<std::int64_t>& shape, torch::ScalarType type, bool channels_last) {
  const torch::Tensor t = torch::randn(shape).to(type);
  return channels_last ? t.contiguous(channels_last_format(t.dim())) : t;
}

TEST(ConcatChannels, AgreesWithCat) {
  torch::manual_seed(1);
  const std::vector<std::vector<std::int64_t>> shapes{
      {2, 32, 9, 10, 11}, {1, 3, 5, 7, 3}, {3, 16, 33, 17}, {1, 1, 4, 4}};
  for (const auto& shape : shapes) {
    for (const auto type : {torch::kFloat, torch::kBFloat16}) {
      for (const bool last : {false, true}) {
        std::vector<std::int64_t> other = shape;
        other[1] += 5;
        const torch::Tensor a = random(shape, type, last), b = random(other, type, last);
        const torch::Tensor a1 = a.clone().requires_grad_(), b1 = b.clone().requires_grad_();
        const torch::Tensor a2 = a.clone().requires_grad_(), b2 = b.clone().requires_grad_();
        const torch::Tensor fast = concat_channels(a1, b1), plain = at::cat({a2, b2}, 1);
        EXPECT_TRUE(torch::equal(fast, plain)) << shape;
        EXPECT_EQ(fast.strides(), plain.strides()) << shape;
        const torch::Tensor dy = torch::randn_like(plain, torch::MemoryFormat::Contiguous);
        fast.backward(dy);
        plain.backward(dy);
        EXPECT_TRUE(torch::equal(a1.grad(), a2.grad())) << shape;
        EXPECT_TRUE(torch::equal(b1.grad(), b2.grad())) << shape;
      }
    }
  }
}

}  // namespace
}  // namespace nnunet
