#include "nnunet/eval/argmax.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

// Class of the largest logit: few and many classes. Items are logits.
namespace nnunet {
namespace {

void argmax(benchmark::State& state) {
  const std::int64_t classes = state.range(0), voxels = std::int64_t{1} << 20;
  std::vector<float> logits(static_cast<std::size_t>(classes * voxels));
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = std::sin(0.37F * static_cast<float>(i % 100003));
  std::vector<std::uint8_t> labels(static_cast<std::size_t>(voxels));
  for (auto _ : state) {
    benchmark::DoNotOptimize(argmax_classes(logits.data(), classes, static_cast<std::size_t>(voxels), labels));
    benchmark::DoNotOptimize(labels.data());
  }
  state.SetItemsProcessed(state.iterations() * classes * voxels);
}

BENCHMARK(argmax)->Arg(2)->Arg(3)->Arg(20)->Arg(105)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nnunet
