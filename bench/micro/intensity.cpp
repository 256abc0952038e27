#include <benchmark/benchmark.h>

#include <cmath>
#include <functional>

#include "nnunet/data/cascade_operators.h"
#include "nnunet/data/intensity_operators.h"

// Each intensity operator of nnU-Net v2's augmentation by itself on one channel, those on the labels of a cascade's
// previous stage, and whole lists with their coins; patches of the hippocampus (task 04) and of most CT tasks. Items a
// second are voxels.
namespace nnunet {
namespace {

using Change = std::function<void(TrainingPatch&, PatchScratch&)>;

Shape3 size_of(const benchmark::State& state) {
  return {state.range(0), state.range(1), state.range(2)};
}

TrainingPatch wavy(const Shape3& size) {
  TrainingPatch patch{Array<float>({1, size[0], size[1], size[2]}), {}};
  for (std::size_t i = 0; i < patch.image.values.size(); ++i) {
    const auto x = static_cast<double>(i);
    patch.image.values[i] = static_cast<float>(std::sin(0.37 * x) + 0.5 * std::cos(0.011 * x));
  }
  return patch;
}

void apply(benchmark::State& state, const Change& change) {
  TrainingPatch patch = wavy(size_of(state));
  const TrainingPatch before = patch;
  PatchScratch scratch;
  for (auto _ : state) {
    patch.image.values = before.image.values;  // many operators in a row would leave noise or nothing; see `copy`
    change(patch, scratch);
    benchmark::DoNotOptimize(patch.image.data());
  }
  state.SetItemsProcessed(state.iterations() * volume(size_of(state)));
}

void list(benchmark::State& state, const IntensityList& operators) {
  std::uint32_t sample = 0;
  apply(state, [&](TrainingPatch& patch, PatchScratch& scratch) {
    CounterRng rng(1, 2, sample++, 3);
    apply_intensities(operators, patch, rng, scratch);
  });
}

/// Two balls in one channel, one in the other.
Array<std::uint8_t> balls(const Shape3& size) {
  Array<std::uint8_t> channels({2, size[0], size[1], size[2]});
  const double edge = static_cast<double>(std::min({size[0], size[1], size[2]}));
  std::size_t i = 0;
  for (std::int64_t z = 0; z < size[0]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[2]; ++x, ++i) {
        const auto near = [&](double share, double radius) {
          const double dz = static_cast<double>(z) - share * static_cast<double>(size[0]);
          const double dy = static_cast<double>(y) - share * static_cast<double>(size[1]);
          const double dx = static_cast<double>(x) - share * static_cast<double>(size[2]);
          return dz * dz + dy * dy + dx * dx < radius * radius * edge * edge;
        };
        channels.slab(0)[i] = near(0.3, 0.2) || near(0.8, 0.1) ? 1 : 0;
        channels.slab(1)[i] = near(0.5, 0.12) ? 1 : 0;
      }
  return channels;
}

void morphology(benchmark::State& state, Morphology how, double radius) {
  const Array<std::uint8_t> before = balls(size_of(state));
  Array<std::uint8_t> channels = before;
  PatchScratch scratch;
  for (auto _ : state) {
    channels.values = before.values;
    change_channel(channels, 0, how, radius, scratch);
    benchmark::DoNotOptimize(channels.data());
  }
  state.SetItemsProcessed(state.iterations() * volume(size_of(state)));
}

void removal(benchmark::State& state) {
  Array<std::uint8_t> channels = balls(size_of(state));
  const Array<std::uint8_t> before = channels;
  std::uint32_t sample = 0;
  for (auto _ : state) {
    channels.values = before.values;
    CounterRng rng(1, 2, sample++, 3);
    remove_component(channels.slab(0), size_of(state), 0.15 * static_cast<double>(volume(size_of(state))), rng);
    benchmark::DoNotOptimize(channels.data());
  }
  state.SetItemsProcessed(state.iterations() * volume(size_of(state)));
}

void patches(benchmark::internal::Benchmark* bench) {
  bench->Args({40, 56, 40})->Args({128, 128, 128})->Unit(benchmark::kMicrosecond);
}

const GaussianBump kBump{{20, 30, 10}, {20, 30, 40}};

BENCHMARK_CAPTURE(apply, copy, [](TrainingPatch&, PatchScratch&) {})->Apply(patches);
BENCHMARK_CAPTURE(apply, noise, [](TrainingPatch& patch, PatchScratch&) {
  add_gaussian_noise(patch, 0, 0.05F, {1, 2, 3, 4});
})->Apply(patches);
BENCHMARK_CAPTURE(apply, blur_5_taps, [](TrainingPatch& patch, PatchScratch& scratch) {
  blur_channel(patch, 0, {0.75F, 0.75F, 0.75F}, scratch);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, blur_9_taps, [](TrainingPatch& patch, PatchScratch& scratch) {
  blur_channel(patch, 0, {1.45F, 1.45F, 1.45F}, scratch);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, brightness, [](TrainingPatch& patch, PatchScratch&) {
  scale_brightness(patch, 0, 1.1F);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, contrast, [](TrainingPatch& patch, PatchScratch&) {
  change_contrast(patch, 0, 1.1F, true);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, low_resolution, [](TrainingPatch& patch, PatchScratch& scratch) {
  lower_resolution(patch, 0, {0.75F, 0.75F, 0.75F}, scratch);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, gamma, [](TrainingPatch& patch, PatchScratch&) {
  change_gamma(patch, 0, 1.2F, false);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, median_3, [](TrainingPatch& patch, PatchScratch& scratch) {
  filter_median(patch, 0, 3, scratch);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, median_7, [](TrainingPatch& patch, PatchScratch& scratch) {
  filter_median(patch, 0, 7, scratch);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, blank_box, [](TrainingPatch& patch, PatchScratch&) {
  blank_box(patch, 0, {5, 5, 5}, {12, 17, 12});
})->Apply(patches);
BENCHMARK_CAPTURE(apply, gradient, [](TrainingPatch& patch, PatchScratch&) {
  add_gradient(patch, 0, kBump, 3);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, local_gamma, [](TrainingPatch& patch, PatchScratch&) {
  change_gamma_locally(patch, 0, kBump, 0.5F);
})->Apply(patches);
BENCHMARK_CAPTURE(apply, sharpening, [](TrainingPatch& patch, PatchScratch& scratch) {
  sharpen(patch, 0, 0.5F, scratch);
})->Apply(patches);
BENCHMARK_CAPTURE(list, default, v2_default_intensities(false))->Apply(patches);
BENCHMARK_CAPTURE(list, da5, da5_intensities(false))->Apply(patches);
BENCHMARK_CAPTURE(morphology, dilation_2, Morphology::dilation, 2.0)->Apply(patches);
BENCHMARK_CAPTURE(morphology, dilation_8, Morphology::dilation, 7.9)->Apply(patches);
BENCHMARK_CAPTURE(morphology, closing_8, Morphology::closing, 7.9)->Apply(patches);
BENCHMARK(removal)->Apply(patches);

}  // namespace
}  // namespace nnunet
