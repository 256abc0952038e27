#include "nnunet/torch_engine/torch_lane.h"

#include <benchmark/benchmark.h>

// What the sliding window costs beside the network: forward only repeats its input as logits. Items are voxels of the
// volume.
namespace nnunet {
namespace {

void sliding(benchmark::State& state, bool tta) {
  const std::int64_t classes = state.range(0);
  const torch::Tensor volume = torch::sin(torch::arange(std::int64_t{96} * 96 * 96)).view({1, 96, 96, 96});
  const WindowOptions options = reference_windows({64, 64, 64}, 0.5, Blend::gaussian, 4, tta);
  const auto forward = [&](const torch::Tensor& x) {
    return x.expand({x.size(0), classes, x.size(2), x.size(3), x.size(4)}).contiguous();
  };
  for (auto _ : state) benchmark::DoNotOptimize(sliding_window(volume, forward, options).data_ptr());
  state.SetItemsProcessed(state.iterations() * volume.numel());
}

BENCHMARK_CAPTURE(sliding, plain, false)->Arg(3)->Arg(40)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sliding, tta, true)->Arg(3)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nnunet
