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

void expect_as_whole(const std::vector<std::int64_t>& shape, bool channels_last, torch::ScalarType type) {
  const Whole whole(shape);
  // Double precision differs by the order of the sums alone; in float32 the mean of 50 costs what it has more digits
  // than the deviations, and the gradients are sums of hundreds of products with these.
  const bool precise = type == torch::kDouble;
  const double output = precise ? 1e-9 : 1e-4, mean_error = precise ? 1e-9 : 1e-5, gradient = precise ? 1e-9 : 1e-3;
  test::in_group(2, [&](const ProcessGroup& group) {
    // Parts of different sizes.
    const std::int64_t cut = 1, begin = group.rank() == 0 ? 0 : cut, end = group.rank() == 0 ? cut : shape[0];
    const auto part = [&](const torch::Tensor& t) { return t.detach().slice(0, begin, end).to(type); };
    torch::Tensor x = part(whole.x);
    if (channels_last) x = x.contiguous(torch::MemoryFormat::ChannelsLast3d);
    x.requires_grad_();
    torch::Tensor weight = whole.weight.detach().to(type).requires_grad_();
    torch::Tensor bias = whole.bias.detach().to(type).requires_grad_();
    torch::Tensor mean = torch::zeros({5}, type), variance = torch::ones({5}, type);
    const torch::Tensor y = sync_batch_norm(x, weight, bias, mean, variance, 0.1, 1e-5, group);
    EXPECT_TRUE(y.allclose(part(whole.output), output, output));
    EXPECT_TRUE(mean.allclose(whole.mean.to(type), mean_error, mean_error));
    EXPECT_TRUE(variance.allclose(whole.variance.to(type), output, mean_error));
    y.backward(part(whole.output_gradient));
    EXPECT_TRUE(x.grad().allclose(part(whole.x.grad()), gradient, output));
    torch::Tensor by_weight = weight.grad().clone(), by_bias = bias.grad().clone();
    group.sum(by_weight);
    group.sum(by_bias);
    EXPECT_TRUE(by_weight.allclose(whole.weight.grad().to(type), gradient, gradient));
    EXPECT_TRUE(by_bias.allclose(whole.bias.grad().to(type), output, output));
  });
}

TEST(SyncBatchNorm, IsBatchNormOfTheWholeBatch) {
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    expect_as_whole({3, 5, 3, 7, 5}, false, type);
    expect_as_whole({3, 5, 3, 7, 5}, true, type);
    expect_as_whole({4, 5, 9, 3}, false, type);
  }
}

TEST(SyncBatchNorm, TakesBfloat16) {
  test::in_group(2, [](const ProcessGroup& group) {
    torch::manual_seed(group.rank());
    const torch::Tensor x = torch::randn({2, 5, 4, 4}).to(torch::kBFloat16).requires_grad_();
    torch::Tensor mean = torch::zeros({5}), variance = torch::ones({5});
    const torch::Tensor y = sync_batch_norm(x, torch::ones({5}), torch::zeros({5}), mean, variance, 0.1, 1e-5, group);
    EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
    torch::Tensor sum = y.detach().to(torch::kFloat).mean(torch::IntArrayRef({0, 2, 3}));
    group.sum(sum);
    EXPECT_LT(sum.abs().max().item<float>(), 0.02F);
    y.sum().backward();
    EXPECT_EQ(x.grad().scalar_type(), torch::kBFloat16);
  });
}

}  // namespace
}  // namespace nnunet
