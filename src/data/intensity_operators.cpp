#include "nnunet/data/intensity_operators.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nnunet/data/intensity_steps.h"

namespace nnunet {
namespace {

using namespace intensity;

float evenly(const Range& range, CounterRng& rng) {
  return rng.uniform(range.low, range.high);
}

/// Throws an operator's coins for one patch.
struct Draw {
  std::int64_t channels;
  const Shape3& size;
  CounterRng& rng;
  std::size_t entry;
  std::vector<IntensityStep>& steps;

  void add(std::int64_t channel, drawn::Operator what) const { steps.push_back({entry, channel, std::move(what)}); }
  /// strengths() for each channel whose coin says so.
  template <class Strengths>
  void on_channels(const Often& often, const Strengths& strengths) const {
    if (!rng.coin(often.probability)) return;
    for (std::int64_t c = 0; c < channels; ++c)
      if (rng.coin(often.per_channel)) add(c, strengths());
  }

  void operator()(const Noise& noise) const {
    if (!rng.coin(noise.probability)) return;
    const float std = evenly(noise.std, rng);
    const NoiseKey key = draw_noise_key(rng);
    for (std::int64_t c = 0; c < channels; ++c) add(c, drawn::Noise{std, key});
  }
  void operator()(const Blur& blur) const {
    on_channels(blur.often, [&] {
      drawn::Blur how;
      for (float& sigma : how.sigmas) sigma = evenly(blur.sigma, rng);
      if (blur.same_on_all_axes) how.sigmas.fill(how.sigmas[0]);
      return how;
    });
  }
  void operator()(const Brightness& brightness) const {
    on_channels(brightness.often, [&] { return drawn::Brightness{draw_factor(brightness.factor, rng)}; });
  }
  void operator()(const AdditiveBrightness& brightness) const {
    on_channels(brightness.often, [&] { return drawn::AdditiveBrightness{brightness.std * rng.normal()}; });
  }
  void operator()(const Contrast& contrast) const {
    on_channels(contrast.often, [&] {
      return drawn::Contrast{draw_factor(contrast.factor, rng), contrast.keep_range};
    });
  }
  void operator()(const LowResolution& low) const {
    on_channels(low.often, [&] {
      const float factor = evenly(low.factor, rng);
      return drawn::LowResolution{{low.keep_depth ? 1.0F : factor, factor, factor}};
    });
  }
  void operator()(const Gamma& gamma) const {
    on_channels(gamma.often, [&] { return drawn::Gamma{draw_factor(gamma.exponent, rng), gamma.inverted}; });
  }
  void operator()(const MedianFilter& median) const {
    on_channels(median.often, [&] {
      return drawn::MedianFilter{median.least + static_cast<int>(rng.integer(median.most - median.least + 1))};
    });
  }
  void operator()(const BlankBoxes& blank) const {
    on_channels(blank.often, [&] {
      drawn::BlankBoxes how;
      how.boxes.resize(static_cast<std::size_t>(blank.least + rng.integer(blank.most - blank.least + 1)));
      for (auto& box : how.boxes) box = drawn_box();
      return how;
    });
  }
  void operator()(const BrightnessGradient& gradient) const {
    on_channels(gradient.often, [&] {
      const GaussianBump bump = drawn_bump();
      const float sign = rng.coin(0.5F) ? -1.0F : 1.0F;
      return drawn::BrightnessGradient{bump, sign * evenly(gradient.strength, rng)};
    });
  }
  void operator()(const LocalGamma& gamma) const {
    on_channels(gamma.often, [&] {
      const GaussianBump bump = drawn_bump();
      return drawn::LocalGamma{bump, evenly(rng.coin(0.5F) ? gamma.weaker : gamma.stronger, rng)};
    });
  }
  void operator()(const Sharpening& sharpening) const {
    on_channels(sharpening.often, [&] { return drawn::Sharpening{evenly(sharpening.strength, rng)}; });
  }

  void operator()(const Single& single) const { std::visit(*this, single); }
  void operator()(const OneOf& one) const {
    std::visit(*this,
               one.operators[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(one.operators.size())))]);
  }

 private:
  drawn::BlankBoxes::Box drawn_box() const {
    drawn::BlankBoxes::Box box;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t least = std::max<std::int64_t>(size[axis] / 10, 1);
      box.size[axis] = least + rng.integer(std::max<std::int64_t>(size[axis] / 3 - least, 1));
      box.start[axis] = rng.integer(size[axis] - box.size[axis] + 1);
    }
    return box;
  }

  GaussianBump drawn_bump() const {
    GaussianBump bump;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto n = static_cast<double>(size[axis]);
      const double least = static_cast<double>(std::max<std::int64_t>(size[axis] / 6, 1));
      bump.centre[axis] = static_cast<double>(rng.uniform(-0.5F, 1.5F)) * n;
      bump.deviation[axis] = least * std::pow(n / least, static_cast<double>(rng.uniform()));
    }
    return bump;
  }
};

/// Carries an operator out on one channel.
struct Apply {
  TrainingPatch& patch;
  std::int64_t channel;
  PatchScratch& scratch;

  void operator()(const drawn::Noise& noise) const { add_gaussian_noise(patch, channel, noise.std, noise.key); }
  void operator()(const drawn::Blur& blur) const { blur_channel(patch, channel, blur.sigmas, scratch); }
  void operator()(const drawn::Brightness& brightness) const { scale_brightness(patch, channel, brightness.factor); }
  void operator()(const drawn::AdditiveBrightness& brightness) const {
    shift_brightness(patch, channel, brightness.shift);
  }
  void operator()(const drawn::Contrast& contrast) const {
    change_contrast(patch, channel, contrast.factor, contrast.keep_range);
  }
  void operator()(const drawn::LowResolution& low) const { lower_resolution(patch, channel, low.factors, scratch); }
  void operator()(const drawn::Gamma& gamma) const { change_gamma(patch, channel, gamma.exponent, gamma.inverted); }
  void operator()(const drawn::MedianFilter& median) const { filter_median(patch, channel, median.size, scratch); }
  void operator()(const drawn::BlankBoxes& blank) const {
    for (const auto& box : blank.boxes) blank_box(patch, channel, box.start, box.size);
  }
  void operator()(const drawn::BrightnessGradient& gradient) const {
    add_gradient(patch, channel, gradient.bump, gradient.strength);
  }
  void operator()(const drawn::LocalGamma& gamma) const {
    change_gamma_locally(patch, channel, gamma.bump, gamma.exponent);
  }
  void operator()(const drawn::Sharpening& sharpening) const { sharpen(patch, channel, sharpening.strength, scratch); }
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

std::vector<IntensityStep> draw_intensities(const IntensityList& list, std::int64_t channels, const Shape3& size,
                                            CounterRng& rng) {
  std::vector<IntensityStep> steps;
  for (std::size_t entry = 0; entry < list.size(); ++entry)
    std::visit(Draw{channels, size, rng, entry, steps}, list[entry]);
  return steps;
}

void apply_step(const IntensityStep& step, TrainingPatch& patch, PatchScratch& scratch) {
  std::visit(Apply{patch, step.channel, scratch}, step.what);
}

void apply_intensities(const IntensityList& list, TrainingPatch& patch, CounterRng& rng, PatchScratch& scratch) {
  for (const IntensityStep& step : draw_intensities(list, patch.image.size(0), patch.image.spatial(), rng))
    apply_step(step, patch, scratch);
}

}  // namespace nnunet
