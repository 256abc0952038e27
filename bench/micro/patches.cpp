#include <benchmark/benchmark.h>

#include <cmath>

#include "nnunet/core/array.h"
#include "nnunet/data/patch_augmentation.h"

// nnU-Net v2's patches: the spatial transform by itself, and whole samples with their coins, of the hippocampus's size
// and of most CT tasks'. Items a second are patches.
namespace nnunet {
namespace {

/// A case somewhat smaller or larger than the patch: two bodies that touch, and a rind outside of the mask.
struct Sample {
  Shape3 patch;
  Array<float> image;
  Array<std::int16_t> label;
  TrainingCase from;
  PatchAugmentation how;
  PatchLabels labels;
  Array<float> out_image;
  Array<std::uint8_t> out_label;
  PatchBuffers buffers;

  Sample(const Shape3& patch_size, const Shape3& size)
      : patch(patch_size),
        image({1, size[0], size[1], size[2]}),
        label({size[0], size[1], size[2]}),
        labels(two_labels()),
        out_image({1, patch[0], patch[1], patch[2]}),
        out_label({patch[0], patch[1], patch[2]}) {
    std::size_t i = 0;
    for (std::int64_t z = 0; z < size[0]; ++z)
      for (std::int64_t y = 0; y < size[1]; ++y)
        for (std::int64_t x = 0; x < size[2]; ++x, ++i) {
          image.values[i] = std::sin(0.37F * static_cast<float>(i % 1009));
          const auto place = [&](std::int64_t at, std::size_t axis) {
            return static_cast<double>(at) / static_cast<double>(size[axis]) - 0.5;
          };
          const double a = place(z, 0), b = place(y, 1), c = place(x, 2);
          label.values[i] = static_cast<std::int16_t>(a * a + b * b + c * c > 0.04 ? 0 : c > 0 ? 1 : 2);
        }
    from = {.image = image.data(), .channels = 1, .size = size, .labels = {label.data()}};
    ModelPlan plan;
    plan.window.patch = {patch[0], patch[1], patch[2]};
    how = default_augmentation(plan);
  }

  static LabelSpec two_labels() {
    LabelSpec spec;
    spec.entries = {{"", {0}}, {"", {1}}, {"", {2}}};
    return spec;
  }
  Shape3 start() const {
    const StartRange range = start_range(*how.initial, patch, from.size);
    return {(range.lower[0] + range.upper[0]) / 2, (range.lower[1] + range.upper[1]) / 2,
            (range.lower[2] + range.upper[2]) / 2};
  }
};

Sample sample_of(const benchmark::State& state) {
  const Shape3 patch{state.range(0), state.range(1), state.range(2)};
  return patch[0] < 64 ? Sample(patch, {36, 50, 35}) : Sample(patch, {180, 250, 175});
}

void read(benchmark::State& state, const std::optional<SpatialTransform>& how) {
  Sample s = sample_of(state);
  for (auto _ : state) {
    read_patch({s.from, s.start(), *s.how.initial}, how, {}, s.patch, s.buffers.patch, s.buffers.spatial);
    benchmark::DoNotOptimize(s.buffers.patch.image.data());
  }
  state.SetItemsProcessed(state.iterations());
}

// intensities: false leaves them out of the list.
void whole(benchmark::State& state, bool intensities) {
  Sample s = sample_of(state);
  if (!intensities) s.how.intensities.clear();
  std::uint32_t number = 0;
  for (auto _ : state) {
    augment_patch(s.from, s.start(), s.how, s.patch, s.labels, {1, 2, number++},
                  {s.out_image.data(), s.out_label.data()}, s.buffers);
    benchmark::DoNotOptimize(s.out_image.data());
  }
  state.SetItemsProcessed(state.iterations());
}

void patches(benchmark::internal::Benchmark* bench) {
  bench->Args({40, 56, 40})->Args({128, 128, 128})->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(read, crop, std::nullopt)->Apply(patches);
BENCHMARK_CAPTURE(read, scaled, SpatialTransform{{0, 0, 0}, {1.2, 1.2, 1.2}})->Apply(patches);
BENCHMARK_CAPTURE(read, rotated, SpatialTransform{{0.3, -0.2, 0.4}, {1.1, 1.1, 1.1}})->Apply(patches);
BENCHMARK_CAPTURE(whole, spatial, false)->Apply(patches);
BENCHMARK_CAPTURE(whole, all, true)->Apply(patches);

}  // namespace
}  // namespace nnunet
