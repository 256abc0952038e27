#pragma once
#include <variant>
#include <vector>

#include "nnunet/core/random.h"
#include "nnunet/data/augment.h"

/// Augmentation as a list: which operators a sample goes through, in which order, how often and how strongly.
namespace nnunet {

/// An operator that a sample meets with some probability, its strength drawn evenly from [low, high).
struct Chance {
  float probability = 0, low = 0, high = 0;
  bool operator==(const Chance&) const = default;
};

/// Edge of the part that is blown up to the patch, relative to the patch: above 0, at most 1.
struct ZoomOperator : Chance {};
/// Mirrors each axis with that probability by itself; the depth of 2D samples stays.
struct FlipOperator {
  float probability = 0;
  bool operator==(const FlipOperator&) const = default;
};
/// Standard deviation of additive Gaussian noise.
struct NoiseOperator : Chance {};
/// Sigma of a Gaussian filter, voxels.
struct BlurOperator : Chance {};
/// Factor.
struct BrightnessOperator : Chance {};
/// Factor; the sample keeps its range.
struct ContrastOperator : Chance {};

/// The alternatives are in the order in which a fused pass (augment()) applies them; fused_passes counts on it.
using AugmentationOperator =
    std::variant<ZoomOperator, FlipOperator, NoiseOperator, BlurOperator, BrightnessOperator, ContrastOperator>;
using AugmentationList = std::vector<AugmentationOperator>;

/// The reference system's (contract, section 5): zoom, flips, noise, blur, brightness, contrast.
AugmentationList reference_augmentation();

/// Throws Error for probabilities outside of [0,1] and strengths that an operator cannot have.
void check_augmentation(const AugmentationList& list);

/// The list cut into as few fused passes as its order allows: a new pass begins where an operator comes before, or is
/// the same as, one of the pass so far. The reference's list, and each that leaves some of it out, is one pass.
std::vector<AugmentationList> fused_passes(const AugmentationList& list);

/// Whether the GPU can do all that this list may do to a sample: one pass at most, its blur no wider than a Recipe
/// holds.
bool fits_recipe(const AugmentationList& list);

/// Throws the coins of one sample for the operators of one pass, in their order. Each draws as many numbers whatever
/// the coins say.
Augmentation draw_augmentation(const AugmentationList& pass, CounterRng& rng, Axes axes);

}  // namespace nnunet
