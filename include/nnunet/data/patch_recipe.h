#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/data/augment.h"

/// What a GPU makes a batch of nnU-Net v2's patches from: parts of the cases as they are, and what is to be done to
/// them (an augment_patch that is still to be carried out), as plain numbers that the kernels read.
namespace nnunet {

/// What may happen to a channel (drawn::Operator); brightness of both kinds is `linear`.
enum class ChannelOperator : std::uint32_t {
  none,
  noise,
  blur,
  linear,
  contrast,
  low_resolution,
  gamma,
  median,
  blank_boxes,
  gradient,
  local_gamma,
  sharpening,
  count
};

/// One entry of the list of intensities for one channel. What an operator has no use for keeps its default.
struct ChannelStep {
  ChannelOperator what = ChannelOperator::none;
  std::int32_t side = 0;     ///< which of its two places the channel lies in before
  std::int64_t table = 0;    ///< its first byte among the tables; see below
  float strength = 0;        ///< standard deviation, factor, exponent, strength
  float shift = 0;           ///< linear
  float least = 0;           ///< of a bump's products of factors
  float scale = 0;           ///< what brings them to [0, 1]
  std::int32_t count = 0;    ///< boxes; voxels of the median's window along an axis
  std::int32_t radius[3]{};  ///< blur: of each axis, 0 where it stays
  bool keep_range = true;    ///< contrast
  bool inverted = false;     ///< gamma
  bool masked = false;       ///< of the entry behind the last: the channel is 0 where the label is -1
  NoiseKey noise;
};
// Tables. blur: weights for the distances 0 to radius, of the axes D, H, W. low_resolution: CoarseTaps of the voxels of
// D, H, W. blank_boxes: BlankBox each. gradient, local_gamma: factors (float) of the voxels of D, H, W.

struct BlankBox {
  std::int32_t start[3], size[3];
};

/// One patch: where its voxels come from, how it is turned and mirrored.
struct PatchRecipe {
  std::int64_t image = 0, labels = 0;  ///< first bytes of the crop (C,D,H,W) and (D,H,W) among the crops
  std::int32_t low[3]{}, size[3]{};    ///< the crop's first voxel in the initial patch, and its size
  bool transformed = false;            ///< by the matrix; else the patch starts at `offset` of the initial patch
  bool planes = false;                 ///< the first axis stays as it is
  bool nearest_image = false, nearest_labels = false;
  float matrix[3][3]{}, initial[3]{};  ///< of SpatialTransform; size of the initial patch
  std::int32_t offset[3]{};
  std::int32_t from[3]{0, 1, 2};  ///< Turn
  bool flipped[3]{}, mirrored[3]{};
};

/// A batch's recipes and what they speak of.
struct PatchRecipes {
  /// Part of one case: image (C,D,H,W), float32, then labels (D,H,W), int16.
  struct Crop {
    std::shared_ptr<std::byte> memory;
    std::int64_t bytes = 0;  ///< a multiple of kAlign: crops lie one behind the other
  };
  static constexpr std::int64_t kAlign = 64;

  std::int64_t channels = 1, entries = 0;  ///< of the images; of the list of intensities
  std::vector<Crop> crops;                 ///< one a patch
  /// One PatchRecipe a patch; ChannelStep (patches, channels, entries + 1); tables.
  std::shared_ptr<std::byte> work;
  std::int64_t work_bytes = 0;
  std::vector<std::uint32_t> drawn;  ///< of each entry: bit i is set where a channel meets ChannelOperator i
  std::int32_t most_boxes = 0;       ///< of one channel

  std::int64_t patches() const { return static_cast<std::int64_t>(crops.size()); }
  std::int64_t steps_at() const { return patches() * static_cast<std::int64_t>(sizeof(PatchRecipe)); }
  std::int64_t tables_at() const {
    return steps_at() + patches() * channels * (entries + 1) * static_cast<std::int64_t>(sizeof(ChannelStep));
  }
};

}  // namespace nnunet
