#include "nnunet/data/intensity_operators.h"

#include <algorithm>
#include <cmath>

namespace nnunet {
namespace {

using namespace intensity;

float drawn(const Range& range, CounterRng& rng) {
  return rng.uniform(range.low, range.high);
}

/// Throws an operator's coins for one patch and applies it.
struct Apply {
  TrainingPatch& patch;
  CounterRng& rng;
  PatchScratch& scratch;

  /// change(channel) for each channel whose coin says so.
  template <class Change>
  void on_channels(const Often& often, const Change& change) const {
    if (!rng.coin(often.probability)) return;
    for (std::int64_t c = 0; c < patch.image.size(0); ++c)
      if (rng.coin(often.per_channel)) change(c);
  }

  void operator()(const Noise& noise) const {
    if (rng.coin(noise.probability)) add_gaussian_noise(patch, drawn(noise.std, rng), rng);
  }
  void operator()(const Blur& blur) const {
    on_channels(blur.often, [&](std::int64_t c) {
      std::array<float, 3> sigmas{};
      for (float& sigma : sigmas) sigma = drawn(blur.sigma, rng);
      if (blur.same_on_all_axes) sigmas.fill(sigmas[0]);
      blur_channel(patch, c, sigmas, scratch);
    });
  }
  void operator()(const Brightness& brightness) const {
    on_channels(brightness.often,
                [&](std::int64_t c) { scale_brightness(patch, c, draw_factor(brightness.factor, rng)); });
  }
  void operator()(const AdditiveBrightness& brightness) const {
    on_channels(brightness.often, [&](std::int64_t c) { shift_brightness(patch, c, brightness.std * rng.normal()); });
  }
  void operator()(const Contrast& contrast) const {
    on_channels(contrast.often, [&](std::int64_t c) {
      change_contrast(patch, c, draw_factor(contrast.factor, rng), contrast.keep_range);
    });
  }
  void operator()(const LowResolution& low) const {
    on_channels(low.often, [&](std::int64_t c) {
      const float factor = drawn(low.factor, rng);
      lower_resolution(patch, c, {low.keep_depth ? 1.0F : factor, factor, factor}, scratch);
    });
  }
  void operator()(const Gamma& gamma) const {
    on_channels(gamma.often,
                [&](std::int64_t c) { change_gamma(patch, c, draw_factor(gamma.exponent, rng), gamma.inverted); });
  }
  void operator()(const MedianFilter& median) const {
    on_channels(median.often, [&](std::int64_t c) {
      filter_median(patch, c, median.least + static_cast<int>(rng.integer(median.most - median.least + 1)), scratch);
    });
  }
  void operator()(const BlankBoxes& boxes) const {
    on_channels(boxes.often, [&](std::int64_t c) {
      const std::int64_t count = boxes.least + rng.integer(boxes.most - boxes.least + 1);
      for (std::int64_t i = 0; i < count; ++i) blank_one(c);
    });
  }
  void operator()(const BrightnessGradient& gradient) const {
    on_channels(gradient.often, [&](std::int64_t c) {
      const GaussianBump bump = drawn_bump();
      const float sign = rng.coin(0.5F) ? -1.0F : 1.0F;
      add_gradient(patch, c, bump, sign * drawn(gradient.strength, rng));
    });
  }
  void operator()(const LocalGamma& gamma) const {
    on_channels(gamma.often, [&](std::int64_t c) {
      const GaussianBump bump = drawn_bump();
      change_gamma_locally(patch, c, bump, drawn(rng.coin(0.5F) ? gamma.weaker : gamma.stronger, rng));
    });
  }
  void operator()(const Sharpening& sharpening) const {
    on_channels(sharpening.often, [&](std::int64_t c) { sharpen(patch, c, drawn(sharpening.strength, rng), scratch); });
  }

  void operator()(const Single& single) const { std::visit(*this, single); }
  void operator()(const OneOf& one) const {
    std::visit(*this,
               one.operators[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(one.operators.size())))]);
  }

 private:
  void blank_one(std::int64_t channel) const {
    const Shape3 all = patch.image.spatial();
    Shape3 start{}, size{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t least = std::max<std::int64_t>(all[axis] / 10, 1);
      size[axis] = least + rng.integer(std::max<std::int64_t>(all[axis] / 3 - least, 1));
      start[axis] = rng.integer(all[axis] - size[axis] + 1);
    }
    blank_box(patch, channel, start, size);
  }

  GaussianBump drawn_bump() const {
    const Shape3 all = patch.image.spatial();
    GaussianBump bump;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto n = static_cast<double>(all[axis]);
      const double least = static_cast<double>(std::max<std::int64_t>(all[axis] / 6, 1));
      bump.centre[axis] = static_cast<double>(rng.uniform(-0.5F, 1.5F)) * n;
      bump.deviation[axis] = least * std::pow(n / least, static_cast<double>(rng.uniform()));
    }
    return bump;
  }
};

}  // namespace

float draw_factor(const Range& range, CounterRng& rng) {
  return rng.coin(0.5F) ? rng.uniform(range.low, 1.0F) : rng.uniform(1.0F, range.high);
}

IntensityList v2_default_intensities(bool dummy_2d) {
  constexpr Range kFactor{0.75F, 1.25F}, kGamma{0.7F, 1.5F};
  return {Noise{0.1F, {0.0F, 0.1F}},
          Blur{{0.2F, 0.5F}, {0.5F, 1.0F}},
          Brightness{{0.15F}, kFactor},
          Contrast{{0.15F}, kFactor},
          LowResolution{{0.25F, 0.5F}, {0.5F, 1.0F}, dummy_2d},
          Gamma{{0.1F}, kGamma, true},
          Gamma{{0.3F}, kGamma}};
}

IntensityList da5_intensities(bool dummy_2d) {
  constexpr Range kContrast{0.5F, 2.0F}, kGamma{0.7F, 1.5F};
  return {OneOf{{MedianFilter{{0.2F, 0.5F}, 2, 7}, Blur{{0.2F, 0.5F}, {0.3F, 1.5F}, true}}},
          Noise{0.1F, {0.0F, 0.1F}},
          AdditiveBrightness{{0.1F, 0.5F}, 0.5F},
          OneOf{{Contrast{{0.2F, 0.5F}, kContrast, true}, Contrast{{0.2F, 0.5F}, kContrast, false}}},
          LowResolution{{0.15F, 0.5F}, {0.25F, 1.0F}, dummy_2d},
          Gamma{{0.1F}, kGamma, true},
          Gamma{{0.1F}, kGamma, true},
          BlankBoxes{{0.4F, 0.5F}, 1, 4},
          BrightnessGradient{{0.3F, 0.5F}, {1.0F, 5.0F}},
          LocalGamma{{0.3F, 0.5F}, {0.01F, 0.8F}, {1.5F, 4.0F}},
          Sharpening{{0.2F, 0.5F}, {0.1F, 1.0F}}};
}

void apply_intensities(const IntensityList& list, TrainingPatch& patch, CounterRng& rng, PatchScratch& scratch) {
  for (const IntensityOperator& each : list) std::visit(Apply{patch, rng, scratch}, each);
}

}  // namespace nnunet
