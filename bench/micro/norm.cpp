#include <benchmark/benchmark.h>

#include "nnunet/network/norm_act.h"

// Instance norm + LeakyReLU beside torch's two operators, on the hippocampus network's uppermost level (batch 2, 32
// channels), channels innermost. Items are elements of the tensor.
namespace nnunet {
namespace {

using Operator = torch::Tensor (*)(const torch::Tensor&, const torch::Tensor&, const torch::Tensor&, double, double);

torch::Tensor activations(bool bf16) {
  return torch::randn({2, 32, 40, 56, 40})
      .to(bf16 ? torch::kBFloat16 : torch::kFloat)
      .contiguous(torch::MemoryFormat::ChannelsLast3d);
}

void forward(benchmark::State& state, Operator op, bool bf16) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = activations(bf16), gamma = torch::ones({32}), beta = torch::zeros({32});
  for (auto _ : state) benchmark::DoNotOptimize(op(x, gamma, beta, 1e-5, 0.01).data_ptr());
  state.SetItemsProcessed(state.iterations() * x.numel());
}

void both_ways(benchmark::State& state, Operator op, bool bf16) {
  const torch::Tensor x = activations(bf16).requires_grad_(), dy = activations(bf16);
  const torch::Tensor gamma = torch::ones({32}).requires_grad_(), beta = torch::zeros({32}).requires_grad_();
  for (auto _ : state) {
    const auto found = torch::autograd::grad({op(x, gamma, beta, 1e-5, 0.01)}, {x, gamma, beta}, {dy});
    benchmark::DoNotOptimize(found[0].data_ptr());
  }
  state.SetItemsProcessed(state.iterations() * x.numel());
}

BENCHMARK_CAPTURE(forward, fused_fp32, instance_norm_act, false)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, torch_fp32, plain_instance_norm_act, false)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, fused_bf16, instance_norm_act, true)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(forward, torch_bf16, plain_instance_norm_act, true)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(both_ways, fused_fp32, instance_norm_act, false)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(both_ways, torch_fp32, plain_instance_norm_act, false)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(both_ways, fused_bf16, instance_norm_act, true)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(both_ways, torch_bf16, plain_instance_norm_act, true)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nnunet
