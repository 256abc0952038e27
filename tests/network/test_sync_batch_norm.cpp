#include "nnunet/network/sync_batch_norm.h"

#include <gtest/gtest.h>

#include "distributed/group.h"

namespace nnunet {
namespace {

/// Batch norm of the whole batch by torch, in double.
struct Whole {
  torch::Tensor x, weight, bias, output_gradient;
  torch::Tensor mean = torch::zeros({5}, torch::kDouble), variance = torch::ones({5}, torch::kDouble);
  torch::Tensor output;

  explicit Whole(std::vector<std::int64_t> shape) {
    torch::manual_seed(4);
    // A mean far from 0: sums of squares would lose the variance.
    x = (torch::randn(shape, torch::kDouble) + 50).requires_grad_();
    weight = torch::rand({5}, torch::kDouble).requires_grad_();
    bias = torch::rand({5}, torch::kDouble).requires_grad_();
    output_gradient = torch::randn(shape, torch::kDouble);
    output = torch::batch_norm(x, weight, bias, mean, variance, true, 0.1, 1e-5, false);
    output.backward(output_gradient);
  }
};

void expect_as_whole(const std::vector<std::int64_t>& shape, bool channels_last) {
  const Whole whole(shape);
  test::in_group(2, [&](const ProcessGroup& group) {
    // Parts of different sizes.
    const std::int64_t cut = 1, begin = group.rank() == 0 ? 0 : cut, end = group.rank() == 0 ? cut : shape[0];
    const auto part = [&](const torch::Tensor& t) { return t.detach().slice(0, begin, end).to(torch::kFloat); };
    torch::Tensor x = part(whole.x);
    if (channels_last) x = x.contiguous(torch::MemoryFormat::ChannelsLast3d);
    x.requires_grad_();
    torch::Tensor weight = whole.weight.detach().to(torch::kFloat).requires_grad_();
    torch::Tensor bias = whole.bias.detach().to(torch::kFloat).requires_grad_();
    torch::Tensor mean = torch::zeros({5}), variance = torch::ones({5});
    const torch::Tensor y = sync_batch_norm(x, weight, bias, mean, variance, 0.1, 1e-5, group);
    EXPECT_TRUE(y.allclose(part(whole.output), 1e-4, 1e-4));
    EXPECT_TRUE(mean.allclose(whole.mean.to(torch::kFloat), 1e-5, 1e-5));
    EXPECT_TRUE(variance.allclose(whole.variance.to(torch::kFloat), 1e-4, 1e-5));
    y.backward(part(whole.output_gradient));
    EXPECT_TRUE(x.grad().allclose(part(whole.x.grad()), 1e-3, 1e-4));
    torch::Tensor by_weight = weight.grad().clone(), by_bias = bias.grad().clone();
    group.sum(by_weight);
    group.sum(by_bias);
    EXPECT_TRUE(by_weight.allclose(whole.weight.grad().to(torch::kFloat), 1e-3, 1e-3));
    EXPECT_TRUE(by_bias.allclose(whole.bias.grad().to(torch::kFloat), 1e-4, 1e-4));
  });
}

TEST(SyncBatchNorm, IsBatchNormOfTheWholeBatch) {
  expect_as_whole({3, 5, 3, 7, 5}, false);
  expect_as_whole({3, 5, 3, 7, 5}, true);
  expect_as_whole({4, 5, 9, 3}, false);
}

TEST(SyncBatchNorm, TakesBfloat16) {
  test::in_group(2, [](const ProcessGroup& group) {
    torch::manual_seed(group.rank());
    const torch::Tensor x = torch::randn({2, 5, 4, 4}).to(torch::kBFloat16).requires_grad_();
    torch::Tensor mean = torch::zeros({5}), variance = torch::ones({5});
    const torch::Tensor y = sync_batch_norm(x, torch::ones({5}), torch::zeros({5}), mean, variance, 0.1, 1e-5, group);
    EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
    torch::Tensor sum = y.detach().to(torch::kFloat).mean({0, 2, 3});
    group.sum(sum);
    EXPECT_LT(sum.abs().max().item<float>(), 0.02F);
    y.sum().backward();
    EXPECT_EQ(x.grad().scalar_type(), torch::kBFloat16);
  });
}

}  // namespace
}  // namespace nnunet
