#include "channel_step.h"

#include <algorithm>
#include <span>

#include "bump_factors.h"
#include "coarse_axis.h"
#include "nnunet/data/patch_math.h"
#include "operators.h"

namespace nnunet {
namespace {

using augmenting::CoarseTaps;

struct Convert {
  const Shape3& size;
  std::vector<std::byte>& tables;

  ChannelStep operator()(const drawn::Noise& noise) const {
    ChannelStep step = with(ChannelOperator::noise, noise.std);
    step.noise = noise.key;
    return step;
  }
  ChannelStep operator()(const drawn::Blur& blur) const {
    ChannelStep step = with(ChannelOperator::blur);
    const auto weights = channel_blur_weights(blur.sigmas, size);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      step.radius[axis] = static_cast<std::int32_t>(weights[axis].size()) - 1;
      append<float>(weights[axis]);
    }
    return step;
  }
  ChannelStep operator()(const drawn::Brightness& brightness) const {
    return with(ChannelOperator::linear, brightness.factor);
  }
  ChannelStep operator()(const drawn::AdditiveBrightness& brightness) const {
    ChannelStep step = with(ChannelOperator::linear, 1);
    step.shift = brightness.shift;
    return step;
  }
  ChannelStep operator()(const drawn::Contrast& contrast) const {
    ChannelStep step = with(ChannelOperator::contrast, contrast.factor);
    step.keep_range = contrast.keep_range;
    return step;
  }
  ChannelStep operator()(const drawn::LowResolution& low) const {
    const ChannelStep step = with(ChannelOperator::low_resolution);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      CoarseAxis coarse(size[axis], low.factors[axis]);
      coarse.to_fine();
      std::vector<CoarseTaps> taps;
      for (std::size_t i = 0; i < coarse.low.size(); ++i)
        taps.push_back({coarse.low[i], coarse.high[i], coarse.low_weight[i], coarse.high_weight[i]});
      append<CoarseTaps>(taps);
    }
    return step;
  }
  ChannelStep operator()(const drawn::Gamma& gamma) const {
    ChannelStep step = with(ChannelOperator::gamma, gamma.exponent);
    step.inverted = gamma.inverted;
    return step;
  }
  ChannelStep operator()(const drawn::MedianFilter& median) const {
    ChannelStep step = with(ChannelOperator::median);
    step.count = median.size;
    return step;
  }
  ChannelStep operator()(const drawn::BlankBoxes& blank) const {
    ChannelStep step = with(ChannelOperator::blank_boxes);
    step.count = static_cast<std::int32_t>(blank.boxes.size());
    std::vector<BlankBox> boxes(blank.boxes.size());
    for (std::size_t i = 0; i < boxes.size(); ++i)
      for (std::size_t axis = 0; axis < 3; ++axis) {
        boxes[i].start[axis] = static_cast<std::int32_t>(blank.boxes[i].start[axis]);
        boxes[i].size[axis] = static_cast<std::int32_t>(blank.boxes[i].size[axis]);
      }
    append<BlankBox>(boxes);
    return step;
  }
  ChannelStep operator()(const drawn::BrightnessGradient& gradient) const {
    ChannelStep step = of_bump(ChannelOperator::gradient, gradient.bump, gradient.strength);
    step.scale *= gradient.strength;
    return step;
  }
  ChannelStep operator()(const drawn::LocalGamma& gamma) const {
    return of_bump(ChannelOperator::local_gamma, gamma.bump, gamma.exponent);
  }
  ChannelStep operator()(const drawn::Sharpening& sharpening) const {
    return with(ChannelOperator::sharpening, sharpening.strength);
  }

 private:
  ChannelStep with(ChannelOperator what, float strength = 0) const {
    ChannelStep step;
    step.what = what;
    step.strength = strength;
    step.table = static_cast<std::int64_t>(tables.size());
    return step;
  }
  ChannelStep of_bump(ChannelOperator what, const GaussianBump& bump, float strength) const {
    ChannelStep step = with(what, strength);
    const BumpFactors factors(bump, size);
    for (const std::vector<float>& axis : factors.axis) append<float>(axis);
    step.least = factors.least;
    step.scale = factors.scale;
    return step;
  }
  // All kinds of numbers are of 4 bytes, so that each table begins where the one before it ends.
  template <class T>
  void append(std::span<const T> numbers) const {
    static_assert(alignof(T) == 4 && sizeof(T) % 4 == 0);
    const auto bytes = std::as_bytes(numbers);
    tables.insert(tables.end(), bytes.begin(), bytes.end());
  }
};

}  // namespace

ChannelStep channel_step(const drawn::Operator& what, const Shape3& size, std::vector<std::byte>& tables) {
  return std::visit(Convert{size, tables}, what);
}

std::int32_t places_changed(const ChannelStep& step) {
  switch (step.what) {
    case ChannelOperator::blur:
      return static_cast<std::int32_t>(std::count_if(step.radius, step.radius + 3, [](int r) { return r > 0; }));
    case ChannelOperator::low_resolution:
    case ChannelOperator::median:
    case ChannelOperator::sharpening:
      return 1;
    default:
      return 0;
  }
}

}  // namespace nnunet
