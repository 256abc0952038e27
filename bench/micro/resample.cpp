#include <benchmark/benchmark.h>

#include <cmath>

#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/resample.h"

// Resampling of a part of a CT, 0.8 x 0.8 x 1.5 mm to 1.5 mm and back. Voxels a second are output voxels.
namespace nnunet {
namespace {

const Shape3 kFine{100, 256, 256}, kCoarse{100, 136, 136};

Array<float> image_of(const Shape3& s) {
  Array<float> image({s[0], s[1], s[2]});
  for (std::size_t i = 0; i < image.values.size(); ++i)
    image.values[i] = static_cast<float>(1000 * std::sin(0.01 * static_cast<double>(i % 7919)));
  return image;
}

// Blocks of classes, as organs are: mostly inner voxels.
Array<std::uint8_t> label_of(const Shape3& s, std::int64_t edge) {
  Array<std::uint8_t> label({s[0], s[1], s[2]});
  std::size_t i = 0;
  for (std::int64_t z = 0; z < s[0]; ++z)
    for (std::int64_t y = 0; y < s[1]; ++y)
      for (std::int64_t x = 0; x < s[2]; ++x, ++i) {
        const std::int64_t block = z / edge * 7 + y / edge * 3 + x / edge;
        label.values[i] = static_cast<std::uint8_t>(block % 3 == 0 ? block % 40 : 0);
      }
  return label;
}

void count(benchmark::State& state, const Shape3& to) {
  state.SetItemsProcessed(state.iterations() * volume(to));
}

void cubic(benchmark::State& state, const Shape3& from, const Shape3& to, bool anisotropic) {
  const Array<float> image = image_of(from);
  Array<float> out({to[0], to[1], to[2]});
  for (auto _ : state) {
    resample_image(image.values, from, out.values, to, anisotropic, static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(out.data());
  }
  count(state, to);
}

void label(benchmark::State& state, const Shape3& from, const Shape3& to, std::int64_t edge) {
  const Array<std::uint8_t> map = label_of(from, edge);
  for (auto _ : state)
    benchmark::DoNotOptimize(resample_label(map.values, from, to, false, static_cast<int>(state.range(0))).data());
  count(state, to);
}

void linear(benchmark::State& state, const Shape3& from, const Shape3& to) {
  const Array<float> image = image_of(from);
  Array<float> out({to[0], to[1], to[2]});
  for (auto _ : state) {
    resample_linear(image.values, from, out.values, to, false, static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(out.data());
  }
  count(state, to);
}

void ct(benchmark::State& state) {
  Array<float> image = image_of(kFine);
  for (auto _ : state) normalize_ct(image.values, {-100, 200, 50, 40});
  count(state, kFine);
}

void z_score(benchmark::State& state) {
  Array<float> image = image_of(kFine);
  for (auto _ : state) normalize_z_score(image.values);
  count(state, kFine);
}

BENCHMARK_CAPTURE(cubic, shrink, kFine, kCoarse, false)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(cubic, grow, kCoarse, kFine, false)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(cubic, depth, Shape3{60, 256, 256}, kFine, false)
    ->Arg(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(cubic, slices, kCoarse, kFine, true)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(label, organs, kFine, kCoarse, 30)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(label, small, kFine, kCoarse, 4)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linear, grow, kCoarse, kFine)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ct)->Unit(benchmark::kMillisecond);
BENCHMARK(z_score)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nnunet
