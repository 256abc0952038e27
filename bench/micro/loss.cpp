#include <benchmark/benchmark.h>

#include "nnunet/train/loss.h"

// Dice + cross entropy and its gradient beside torch's operators; argument: classes. Items are voxels.
namespace nnunet {
namespace {

using Loss = torch::Tensor (*)(const torch::Tensor&, const torch::Tensor&, bool);

void loss(benchmark::State& state, Loss compute) {
  const std::int64_t classes = state.range(0);
  const torch::Tensor logits =
      torch::randn({2, classes, 40, 56, 40}).contiguous(torch::MemoryFormat::ChannelsLast3d).requires_grad_();
  const torch::Tensor label = torch::randint(0, classes, {2, 40, 56, 40}).to(torch::kByte);
  for (auto _ : state) {
    const auto found = torch::autograd::grad({compute(logits, label, false)}, {logits});
    benchmark::DoNotOptimize(found[0].data_ptr());
  }
  state.SetItemsProcessed(state.iterations() * label.numel());
}

BENCHMARK_CAPTURE(loss, fused, dice_ce_loss)->Arg(3)->Arg(20)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(loss, torch, plain_dice_ce_loss)->Arg(3)->Arg(20)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nnunet
