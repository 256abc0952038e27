#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"
#include "nnunet/core/rounding.h"
#include "planner_parts.h"

namespace nnunet::v2 {
namespace {

constexpr double kFirstVoxels3d = 256.0 * 256 * 256, kFirstVoxels2d = 2048.0 * 2048;
constexpr double kReferenceBatch3d = 2, kReferenceBatch2d = 12;
constexpr std::int64_t kSmallestBatch = 2;
constexpr double kLowResolutionBelow = 0.25, kCoarser = 1.03, kMaxRatio = 2, kWorthFewerVoxels = 2;

template <class Range>
double product(const Range& values) {
  double result = 1;
  for (const auto value : values) result *= static_cast<double>(value);
  return result;
}

/// As isotropic in mm as 256^3 voxels (2048^2 in 2D) can be, and not larger than the median image.
std::vector<double> first_patch(const std::vector<double>& spacing, const std::vector<double>& median_size) {
  std::vector<double> density;
  for (const double s : spacing) density.push_back(1 / s);
  const bool flat = spacing.size() == 2;
  const double scale = std::pow((flat ? kFirstVoxels2d : kFirstVoxels3d) / product(density), flat ? 0.5 : 1.0 / 3);
  std::vector<double> patch;
  for (std::size_t a = 0; a < spacing.size(); ++a)
    patch.push_back(std::min(static_cast<double>(half_to_even(density[a] * scale)), median_size[a]));
  return patch;
}

/// The axis along which the patch has most of the median image; the last one of those alike.
std::size_t fullest_axis(const std::vector<std::int64_t>& patch, const std::vector<double>& median_size) {
  std::size_t fullest = 0;
  double most = 0;
  for (std::size_t a = 0; a < patch.size(); ++a) {
    const double share = static_cast<double>(patch[a]) / median_size[a];
    if (share >= most) {
      most = share;
      fullest = a;
    }
  }
  return fullest;
}

/// One step smaller along the fullest axis. The step is the divisor that the patch would have after it: of 256 voxels
/// with divisor 64 the next patch is 224, not 192.
V2Topology smaller(const V2Topology& topology, const std::vector<double>& spacing,
                   const std::vector<double>& median_size, double gpu_memory) {
  const std::size_t axis = fullest_axis(topology.patch, median_size);
  std::vector<double> patch(topology.patch.begin(), topology.patch.end()), tried = patch;
  tried[axis] -= static_cast<double>(topology.divisor[axis]);
  patch[axis] -= static_cast<double>(v2_topology(spacing, tried).divisor[axis]);
  if (patch[axis] < 1)
    throw Error("-gpu_memory_target", fmt::format("no patch fits into {} GB", gpu_memory), "give more");
  return v2_topology(spacing, patch);
}

}  // namespace

PlannedNetwork planned_network(const PlannerKind& kind, const NetworkLimits& limits, const std::vector<double>& spacing,
                               const std::vector<double>& median_size, double voxels) {
  const bool flat = spacing.size() == 2;
  const double room = (flat ? kind.reference_2d : kind.reference_3d) * (limits.gpu_memory / kind.reference_gb);
  const double reference_batch = flat ? kReferenceBatch2d : kReferenceBatch3d;
  const auto values = [&](const V2Topology& t) { return v2_feature_map_values(t, kind.residual, limits.outputs); };
  const auto too_large = [&](double found) {
    // The plain planner's reference is of a whole batch, of which two samples have to fit.
    return (kind.residual ? found : found / reference_batch * static_cast<double>(kSmallestBatch)) > room;
  };
  PlannedNetwork network{v2_topology(spacing, first_patch(spacing, median_size)), 0};
  while (too_large(values(network.topology)))
    network.topology = smaller(network.topology, spacing, median_size, limits.gpu_memory);
  const double fits = room / values(network.topology) * reference_batch,
               covers = voxels * kind.cover / product(network.topology.patch);
  network.batch_size = std::max(half_to_even(std::min(fits, covers)), kSmallestBatch);
  return network;
}

std::optional<LowResolution> low_resolution(const PlannerKind& kind, const NetworkLimits& limits,
                                            const FullResolution& full, const V2Topology& full_topology) {
  const double full_voxels = product(full.median_size);
  double patch_voxels = product(full_topology.patch), voxels = full_voxels;
  std::optional<LowResolution> low;
  std::vector<double> spacing = full.spacing;
  while (patch_voxels / voxels < kLowResolutionBelow) {
    const double coarsest = *std::ranges::max_element(spacing);
    const auto fine = [coarsest](double s) { return coarsest / s > kMaxRatio; };
    const bool all = std::ranges::none_of(spacing, fine);
    for (double& s : spacing)
      if (all || fine(s)) s *= kCoarser;
    std::vector<double> size;
    std::vector<std::int64_t> rounded;
    for (std::size_t a = 0; a < 3; ++a) {
      size.push_back(full.spacing[a] / spacing[a] * full.median_size[a]);
      rounded.push_back(std::max<std::int64_t>(1, half_to_even(size.back())));
    }
    voxels = product(size);
    const std::vector<double> median_size(rounded.begin(), rounded.end());
    low = LowResolution{planned_network(kind, limits, spacing, median_size, voxels * limits.cases), spacing, rounded};
    patch_voxels = product(low->network.topology.patch);
  }
  if (full_voxels / voxels < kWorthFewerVoxels) return std::nullopt;
  return low;
}

}  // namespace nnunet::v2
