#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/random.h"
#include "nnunet/data/patch_scratch.h"

/// What nnU-Net v2's augmentation does to the labels of a cascade's previous stage (contract-v2-run, section 5, step
/// 12). Channels (K,D,H,W) hold 0 or 1, one foreground label each; patches of 2D networks have depth 1.
namespace nnunet {

/// Structuring element of a radius in voxels, above 0 and below 15: (n,n,n), n = floor(2 radius + 1), points evenly
/// spaced from -radius to radius; in_plane: (1,n,n), points from -radius in steps of 1 below radius + 1. 1 where a
/// point is no farther from the centre than the radius.
Array<std::uint8_t> structuring_ball(double radius, bool in_plane);

enum class Morphology { dilation, erosion, closing, opening };

/// Changes one mask (D,H,W). Dilation: a voxel is set where any of x(i + j - (n - 1) / 2) is, j over the element's
/// points, zero outside of the patch; erosion is the complement of the complement's dilation, so that the patch's
/// border does not erode. Elements: adjoining points in each row along the width, at most 32.
void change_mask(std::span<std::uint8_t> mask, const Shape3& size, Morphology how, const Array<std::uint8_t>& element,
                 PatchScratch& scratch);
/// The same for a channel among others, by a ball (depth 1: disk); the voxels that it gains are cleared in the others.
void change_channel(Array<std::uint8_t>& channels, std::int64_t channel, Morphology how, double radius,
                    PatchScratch& scratch);

/// Clears one component (26-connected), drawn evenly among those of less than `below` voxels; none: nothing.
void remove_component(std::span<std::uint8_t> mask, const Shape3& size, double below, CounterRng& rng);

struct CascadeAugmentation {
  float morphology_probability = 0.4F, morphology_per_channel = 0.5F;
  float least_radius = 1, most_radius = 8;
  float removal_probability = 0.2F, removal_per_channel = 0.5F;
  double removal_share = 0.15;  ///< of the patch, which a removed component is smaller than
  bool operator==(const CascadeAugmentation&) const = default;
};

/// nnUNetTrainerDA5's and those of ..._DASegOrd0: every channel, once the patch's coin has fallen.
CascadeAugmentation every_channel_cascade_augmentation();

/// What happens to a channel.
struct MorphologyStep {
  std::int64_t channel = 0;
  Morphology how = Morphology::dilation;
  double radius = 1;  ///< voxels
};
/// A patch's steps, with its probability: channels in random order, each with its own, all operations equally likely,
/// the radius drawn evenly.
std::vector<MorphologyStep> draw_morphology(const CascadeAugmentation& how, std::int64_t channels, CounterRng& rng);

/// Those steps; then, with its probability, one component is removed from each channel, each with its own.
void augment_previous_stage(Array<std::uint8_t>& channels, const CascadeAugmentation& how, CounterRng& rng,
                            PatchScratch& scratch);

}  // namespace nnunet
