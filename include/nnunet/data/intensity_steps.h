#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "nnunet/core/random.h"
#include "nnunet/data/intensity_operators.h"

/// What the coins of an IntensityList come to for one patch: the same for whoever carries it out, CPU or GPU.
namespace nnunet {

/// Operators whose strengths are drawn, each as the function of data/patch_intensity.h that carries it out on a
/// channel.
namespace drawn {

struct Noise {
  float std = 0;
  NoiseKey key;  ///< the same for all channels
};
struct Blur {
  std::array<float, 3> sigmas{};
};
struct Brightness {
  float factor = 1;
};
struct AdditiveBrightness {
  float shift = 0;
};
struct Contrast {
  float factor = 1;
  bool keep_range = true;
};
struct LowResolution {
  std::array<float, 3> factors{1, 1, 1};
};
struct Gamma {
  float exponent = 1;
  bool inverted = false;
};
struct MedianFilter {
  int size = 1;
};
struct BlankBoxes {
  struct Box {
    Shape3 start{}, size{};
  };
  std::vector<Box> boxes;  ///< one after the other
};
struct BrightnessGradient {
  GaussianBump bump;
  float strength = 0;
};
struct LocalGamma {
  GaussianBump bump;
  float exponent = 1;
};
struct Sharpening {
  float strength = 0;
};

using Operator = std::variant<Noise, Blur, Brightness, AdditiveBrightness, Contrast, LowResolution, Gamma, MedianFilter,
                              BlankBoxes, BrightnessGradient, LocalGamma, Sharpening>;

}  // namespace drawn

/// One operator on one channel. Steps are in the order of the list, and of the channels within an entry of it.
struct IntensityStep {
  std::size_t entry = 0;  ///< of the list
  std::int64_t channel = 0;
  drawn::Operator what;
};

/// Throws the coins for a patch of so many channels of that size.
std::vector<IntensityStep> draw_intensities(const IntensityList& list, std::int64_t channels, const Shape3& size,
                                            CounterRng& rng);
void apply_step(const IntensityStep& step, TrainingPatch& patch, PatchScratch& scratch);

}  // namespace nnunet
