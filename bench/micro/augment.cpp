#include <benchmark/benchmark.h>

#include <cmath>

#include "nnunet/data/augment.h"
#include "nnunet/data/augmentation.h"

// Each augmentation operator by itself, and whole samples with their coins, on the patches of the hippocampus (task 04)
// and of most CT tasks; 2D: a block of slices. Voxels a second are voxels of the patch over all channels.
namespace nnunet {
namespace {

struct Sample {
  Array<float> image, patch;
  Array<std::uint8_t> label, patch_label;
  CaseView from;
  PatchView to;
  AugmentScratch scratch;

  explicit Sample(const Shape3& size) {
    const Shape3 volume_size{size[0] + 5, size[1] + 3, size[2] + 7};
    image = Array<float>({1, volume_size[0], volume_size[1], volume_size[2]});
    label = Array<std::uint8_t>({volume_size[0], volume_size[1], volume_size[2]});
    for (std::size_t i = 0; i < image.values.size(); ++i) {
      image.values[i] = std::sin(0.37F * static_cast<float>(i % 1009));
      label.values[i] = static_cast<std::uint8_t>(i / 997 % 3);
    }
    patch = Array<float>({1, size[0], size[1], size[2]});
    patch_label = Array<std::uint8_t>({size[0], size[1], size[2]});
    from = {image.data(), label.data(), 1, volume_size};
    to = {patch.data(), patch_label.data(), 1, size, volume(size), size[1] * size[2]};
  }
};

Shape3 size_of(const benchmark::State& state) {
  return {state.range(0), state.range(1), state.range(2)};
}

void count(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * volume(size_of(state)));
}

void apply(benchmark::State& state, const Augmentation& how) {
  Sample sample(size_of(state));
  for (auto _ : state) {
    augment(sample.from, {2, 1, 3}, how, Axes::Volume, {1, 2, 3, 4}, sample.to, sample.scratch);
    benchmark::DoNotOptimize(sample.patch.data());
  }
  count(state);
}

// Everything as in training; patches a second are the items here.
void sample(benchmark::State& state, Axes axes) {
  Sample made(size_of(state));
  std::uint32_t number = 0;
  for (auto _ : state) {
    CounterRng coins(1, 2, number, 3);
    augment(made.from, {2, 1, 3}, draw_augmentation(reference_augmentation(), coins, axes), axes, {1, 2, number, 4},
            made.to, made.scratch);
    ++number;
  }
  state.SetItemsProcessed(state.iterations());
}

void patches(benchmark::internal::Benchmark* bench) {
  bench->Args({40, 56, 40})->Args({128, 128, 128})->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(apply, crop, Augmentation{})->Apply(patches);
BENCHMARK_CAPTURE(apply, flip, Augmentation{.flip = {true, true, true}})->Apply(patches);
BENCHMARK_CAPTURE(apply, zoom, Augmentation{.zoom = 0.85F})->Apply(patches);
BENCHMARK_CAPTURE(apply, noise, Augmentation{.noise_std = 0.2F})->Apply(patches);
BENCHMARK_CAPTURE(apply, blur, Augmentation{.blur_sigma = 1.0F})->Apply(patches);
BENCHMARK_CAPTURE(apply, brightness, Augmentation{.brightness = 1.1F})->Apply(patches);
BENCHMARK_CAPTURE(apply, contrast, Augmentation{.contrast = 1.2F})->Apply(patches);
BENCHMARK_CAPTURE(apply, all,
                  Augmentation{.zoom = 0.85F,
                               .flip = {true, true, true},
                               .noise_std = 0.2F,
                               .blur_sigma = 1.0F,
                               .brightness = 1.1F,
                               .contrast = 1.2F})
    ->Apply(patches);
BENCHMARK_CAPTURE(sample, volume, Axes::Volume)->Apply(patches);
BENCHMARK_CAPTURE(sample, slices, Axes::InPlane)->Args({64, 56, 40})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nnunet
