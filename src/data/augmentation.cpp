#include "nnunet/data/augmentation.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

/// Value and coin are always both drawn: a coin never shifts the numbers of the operators after it.
float drawn(const Chance& chance, float otherwise, CounterRng& rng) {
  const float value = rng.uniform(chance.low, chance.high);
  return rng.coin(chance.probability) ? value : otherwise;
}

/// Draws one operator's part of what happens to a sample.
struct Draw {
  CounterRng& rng;
  Axes axes;
  Augmentation& how;

  void operator()(const ZoomOperator& zoom) const { how.zoom = drawn(zoom, 1, rng); }
  void operator()(const FlipOperator& flips) const {
    for (bool& flip : how.flip) flip = rng.coin(flips.probability);
    if (axes == Axes::InPlane) how.flip[0] = false;
  }
  void operator()(const NoiseOperator& noise) const { how.noise_std = drawn(noise, 0, rng); }
  void operator()(const BlurOperator& blur) const { how.blur_sigma = drawn(blur, 0, rng); }
  void operator()(const BrightnessOperator& brightness) const { how.brightness = drawn(brightness, 1, rng); }
  void operator()(const ContrastOperator& contrast) const { how.contrast = drawn(contrast, 1, rng); }
};

constexpr std::array<std::string_view, std::variant_size_v<AugmentationOperator>> kNames{
    "zoom", "flip", "noise", "blur", "brightness", "contrast"};

bool is_probability(float p) {
  return p >= 0 && p <= 1;
}

/// Whether these strengths can be drawn: from least (itself not, where that is excluded) up.
bool fits(const Chance& chance, float least, bool excluded, float most = 1e9F) {
  const bool starts = excluded ? chance.low > least : chance.low >= least;
  return is_probability(chance.probability) && starts && chance.low <= chance.high && chance.high <= most;
}

struct Fits {
  bool operator()(const ZoomOperator& zoom) const { return fits(zoom, 0, true, 1); }
  bool operator()(const FlipOperator& flip) const { return is_probability(flip.probability); }
  bool operator()(const NoiseOperator& noise) const { return fits(noise, 0, false); }
  bool operator()(const BlurOperator& blur) const { return fits(blur, 0, false); }
  bool operator()(const BrightnessOperator& brightness) const { return fits(brightness, 0, true); }
  bool operator()(const ContrastOperator& contrast) const { return fits(contrast, 0, true); }
};

}  // namespace

AugmentationList reference_augmentation() {
  return {ZoomOperator{{0.15F, 0.7F, 1.0F}},       FlipOperator{0.33F},
          NoiseOperator{{0.15F, 0.0F, 0.33F}},     BlurOperator{{0.15F, 0.5F, 1.5F}},
          BrightnessOperator{{0.15F, 0.7F, 1.3F}}, ContrastOperator{{0.15F, 0.65F, 1.5F}}};
}

void check_augmentation(const AugmentationList& list) {
  for (const AugmentationOperator& op : list)
    if (!std::visit(Fits(), op))
      throw Error(
          "augmentation", fmt::format("a {} of that probability or strength is not possible", kNames[op.index()]),
          "give a probability from 0 to 1 and a range that begins at its low end, a zoom above 0 and at most 1");
}

std::vector<AugmentationList> fused_passes(const AugmentationList& list) {
  std::vector<AugmentationList> passes;
  for (const AugmentationOperator& op : list) {
    if (passes.empty() || op.index() <= passes.back().back().index()) passes.emplace_back();
    passes.back().push_back(op);
  }
  return passes;
}

Augmentation draw_augmentation(const AugmentationList& pass, CounterRng& rng, Axes axes) {
  Augmentation how;
  for (const AugmentationOperator& op : pass) std::visit(Draw{rng, axes, how}, op);
  return how;
}

}  // namespace nnunet
