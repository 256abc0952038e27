#include "nnunet/plan/v2_topology.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nnunet {

namespace {

using Sizes = std::vector<std::int64_t>;

constexpr double kShortest = 8;  // halving leaves 4 voxels
/// An axis alone is halved only from three times the shortest edge on.
constexpr double kShortestAlone = 12;
constexpr double kMaxRatio = 2;
constexpr std::int64_t kFirstFeatures = 32, kMaxFeatures2d = 512, kMaxFeatures3d = 320;

/// A patch on its way down the stages.
struct Level {
  std::vector<double> spacing, size;
  Sizes kernel;

  /// Axes that the next stage halves.
  std::vector<bool> halved() const {
    double finest = std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < size.size(); ++a)
      if (size[a] >= kShortest) finest = std::min(finest, spacing[a]);
    std::vector<bool> axes(size.size());
    for (std::size_t a = 0; a < size.size(); ++a) axes[a] = size[a] >= kShortest && spacing[a] / finest < kMaxRatio;
    if (const auto one = std::ranges::find(axes, true); std::ranges::count(axes, true) == 1)
      *one = size[static_cast<std::size_t>(one - axes.begin())] >= kShortestAlone;
    return axes;
  }

  /// Once an axis is convolved over it stays so.
  void widen_kernel() {
    const double finest = *std::ranges::min_element(spacing);
    for (std::size_t a = 0; a < size.size(); ++a)
      if (spacing[a] / finest < kMaxRatio) kernel[a] = 3;
  }

  Sizes halve(const std::vector<bool>& axes) {
    Sizes stride(size.size(), 1);
    for (std::size_t a = 0; a < size.size(); ++a) {
      if (!axes[a]) continue;
      stride[a] = 2;
      spacing[a] *= 2;
      size[a] = std::ceil(size[a] / 2);
    }
    return stride;
  }
};

/// Voxels of the patch at each stage.
std::vector<double> stage_voxels(const V2Topology& topology) {
  double voxels = 1;
  for (const std::int64_t size : topology.patch) voxels *= static_cast<double>(size);
  std::vector<double> all;
  for (const Sizes& stride : topology.strides) {
    for (const std::int64_t step : stride) voxels /= static_cast<double>(step);
    all.push_back(voxels);
  }
  return all;
}

}  // namespace

V2Topology v2_topology(const std::vector<double>& spacing, const std::vector<double>& patch) {
  const std::size_t axes = patch.size();
  Level level{spacing, patch, Sizes(axes, 1)};
  V2Topology topology;
  topology.strides.emplace_back(axes, 1);
  topology.divisor.assign(axes, 1);
  for (auto halved = level.halved(); std::ranges::count(halved, true) > 0; halved = level.halved()) {
    level.widen_kernel();
    topology.kernels.push_back(level.kernel);
    topology.strides.push_back(level.halve(halved));
    for (std::size_t a = 0; a < axes; ++a) topology.divisor[a] *= topology.strides.back()[a];
  }
  topology.kernels.emplace_back(axes, 3);
  for (std::size_t a = 0; a < axes; ++a) {
    const auto divisor = static_cast<double>(topology.divisor[a]);
    topology.patch.push_back(static_cast<std::int64_t>(std::ceil(patch[a] / divisor) * divisor));
  }
  return topology;
}

Sizes v2_features(std::size_t stages, std::size_t axes) {
  const std::int64_t most = axes == 2 ? kMaxFeatures2d : kMaxFeatures3d;
  Sizes features;
  for (std::int64_t next = kFirstFeatures; features.size() < stages; next = std::min(2 * next, most))
    features.push_back(next);
  return features;
}

Sizes v2_encoder_blocks(std::size_t stages, bool residual) {
  if (!residual) return Sizes(stages, 2);
  const Sizes first{1, 3, 4};
  Sizes blocks(stages, 6);
  std::copy_n(first.begin(), std::min(first.size(), stages), blocks.begin());
  return blocks;
}

Sizes v2_decoder_blocks(std::size_t stages, bool residual) {
  return Sizes(stages - 1, residual ? 1 : 2);
}

double v2_feature_map_values(const V2Topology& topology, bool residual, std::int64_t outputs) {
  const std::size_t stages = topology.stages();
  const auto voxels = stage_voxels(topology);
  const Sizes features = v2_features(stages, topology.patch.size()), encoder = v2_encoder_blocks(stages, residual),
              decoder = v2_decoder_blocks(stages, residual);
  double total = static_cast<double>(outputs) * voxels[0];
  if (residual) total += static_cast<double>(features[0]) * voxels[0];  // the stem
  for (std::size_t s = 0; s < stages; ++s) {
    const double one = static_cast<double>(features[s]) * voxels[s];
    // A residual block has two convolutions; after the first stage one more in a shortcut.
    total += one * static_cast<double>(residual ? 2 * encoder[s] + (s > 0 ? 1 : 0) : encoder[s]);
    if (s + 1 < stages) total += one * static_cast<double>(decoder[s] + 1);  // and the transposed convolution
  }
  return total;
}

}  // namespace nnunet
