#pragma once
#include <cstdint>
#include <vector>

/// Which strides and kernels nnU-Net v2 gives a patch, and how large it takes the network to be (contract-v2-plan,
/// section 4). Axes are (z,y,x) or (y,x), those of the network.
namespace nnunet {

/// A U-Net's stages for one patch.
struct V2Topology {
  std::vector<std::vector<std::int64_t>> strides, kernels;  ///< one of each a stage, one number an axis; strides[0]: 1
  std::vector<std::int64_t> patch;                          ///< rounded up to multiples of divisor
  std::vector<std::int64_t> divisor;                        ///< product of the strides along each axis

  std::size_t stages() const { return strides.size(); }
};

/// Halves the axes that are long enough (8 voxels) and fine enough (less than twice the finest) until none is left.
/// spacing: mm, positive; patch: voxels, may have fractions, and as many axes as the spacing.
V2Topology v2_topology(const std::vector<double>& spacing, const std::vector<double>& patch);

/// min(32 * 2^stage, 320 in 3D or 512 in 2D) a stage.
std::vector<std::int64_t> v2_features(std::size_t stages, std::size_t axes);

/// Convolutions (plain) or residual blocks a stage of the encoder.
std::vector<std::int64_t> v2_encoder_blocks(std::size_t stages, bool residual);
/// Convolutions a stage of the decoder, which has one stage less.
std::vector<std::int64_t> v2_decoder_blocks(std::size_t stages, bool residual);

/// Values in all feature maps of one patch: nnU-Net's measure of the memory that training takes. outputs: heads at full
/// resolution.
double v2_feature_map_values(const V2Topology& topology, bool residual, std::int64_t outputs);

}  // namespace nnunet
