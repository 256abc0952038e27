#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace nnunet {

enum class Norm { instance, batch, group };
Norm norm_from_name(const std::string& name);  ///< throws Error
std::string norm_name(Norm norm);

/// Of normalisation; the reference's, which are torch's defaults.
inline constexpr double kNormEpsilon = 1e-5, kNormMomentum = 0.1;
inline constexpr std::int64_t kNormGroups = 32;

/// How a residual block brings its input to another shape: a convolution with the block's kernel and stride, then a
/// norm (the reference system); average pooling by the stride, then, for other channels, a 1x1 convolution without bias
/// and a norm (nnU-Net v2).
enum class Shortcut { convolution, pooling };

/// Which kernel the decoder's convolutions at a level have: that of the level below it (the reference system), or the
/// level's own (nnU-Net v2).
enum class DecoderKernel { below, own };

/// Whose names and order the parameters have.
enum class Naming { reference, nnunet_v2 };

/// A network described by data: everything that builds a U-Net (contract, section 3; contract-v2-run, section 2). The
/// defaults of what follows `negative_slope` are the reference system's networks.
struct NetworkPlan {
  int dim = 3;  ///< 2 or 3
  int in_channels = 1;
  int n_class = 2;
  std::vector<std::vector<std::int64_t>> kernels, strides;  ///< a level each, (z,y,x) or (y,x)
  std::vector<std::int64_t> filters;                        ///< a level each
  Norm norm = Norm::instance;
  bool residual = false;
  double negative_slope = 0.01;

  std::vector<std::int64_t> encoder_blocks = {};  ///< convolutions, or residual blocks, a level; empty: 2, or 1
  std::vector<std::int64_t> decoder_blocks =
      {};                         ///< convolutions, or residual blocks, a level, from the bottom up; empty: 2
  bool residual_decoder = false;  ///< residual blocks in the decoder, too (nnU-Net v2's ResidualUNet)
  bool stem = false;              ///< a convolution with level 0's kernel and filters before the first residual block
  bool conv_bias = false;         ///< of the convolutions before a norm
  bool deep_supervision = false;  ///< every level of the decoder has a head, the full resolution's is the first output
  Shortcut shortcut = Shortcut::convolution;
  DecoderKernel decoder_kernel = DecoderKernel::below;
  Naming naming = Naming::reference;

  bool operator==(const NetworkPlan&) const = default;
};

/// What may be chosen beside patch and spacing.
struct NetworkOptions {
  Norm norm = Norm::instance;
  bool residual = false;
  double negative_slope = 0.01;
  std::vector<std::int64_t> filters = {};  ///< empty: min(32 * 2^i, 320 in 3D, 512 in 2D)
  std::int64_t min_fmap = 4;  ///< no axis gets shorter: halved only while its size is at least twice this ...
  int depth = 5;              ///< ... and there are fewer than this many strided levels
};

/// Strides and kernels from patch size and spacing. Throws Error when patch and spacing differ in length (spacing may
/// be longer: its last ones count), a size is not positive, the patch cannot be halved at all or is no multiple of the
/// strides (the way up would not meet the way down), or --filters has another number of entries than there are levels.
NetworkPlan make_network_plan(const std::vector<std::int64_t>& patch, const std::vector<double>& spacing,
                              int in_channels, int n_class, const NetworkOptions& options);

/// Product of the strides along each axis: sizes that the network takes are multiples of it.
std::vector<std::int64_t> total_stride(const NetworkPlan& plan);
/// Throws Error (subject: name) unless a network can be built from it.
void check_network_plan(const NetworkPlan& plan, const std::string& name);

nlohmann::json plan_to_json(const NetworkPlan& plan);
/// Throws Error (subject: name) for missing or ill-typed entries, or a plan that check_network_plan refuses.
NetworkPlan plan_from_json(const nlohmann::json& json, const std::string& name);

}  // namespace nnunet
