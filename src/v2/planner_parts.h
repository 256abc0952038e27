#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/plan/v2_topology.h"
#include "nnunet/v2/planner.h"

/// The steps of make_plans.
namespace nnunet::v2 {

enum class PlannerResampling { standard, torch, torch_separate_axis, none };

/// What tells one planner from another (contract-v2-plan, the table of section 4).
struct PlannerKind {
  std::string_view name, plans_name;
  bool residual;
  double reference_3d, reference_2d;  ///< values in feature maps that fit into reference_gb
  double reference_gb;                ///< and the default target
  double cover;                       ///< of the dataset's voxels, that a batch may have at most
  PlannerResampling resampling;
  bool shares_data;  ///< with the default planner: the same preprocessed cases
};

/// Throws Error that lists those known.
const PlannerKind& planner_kind(const std::string& name);

/// What a planner takes from dataset.json and the fingerprint; axes are the images'.
struct PlannedDataset {
  std::vector<Spacing3> spacings;  ///< mm, a case each
  std::vector<Shape3> shapes;      ///< voxels after the crop, a case each
  double relative_size = 1;        ///< median of voxels after / before the crop
  Json intensities;
  std::vector<std::string> channels;  ///< names, in the order of the file
  std::int64_t labels = 0;            ///< entries of "labels", whatever they are
  double cases = 0;                   ///< numTraining
};
/// Throws Error (file, field, remedy).
PlannedDataset planned_dataset(const PlannerInput& input);

/// The grid of 3d_fullres, and how images get there.
struct FullResolution {
  std::array<std::size_t, 3> forward, backward;  ///< transposition
  std::vector<double> spacing, median_size;      ///< transposed: mm; voxels after resampling, not rounded
  std::vector<double> original_spacing;          ///< transposed medians of the images as they are
  std::vector<std::int64_t> original_size;       ///< the same, rounded
};
/// Throws Error where an axis of the median image would have no voxel.
FullResolution full_resolution(const PlannedDataset& dataset, const std::optional<Spacing3>& target_spacing);

/// Patch, stages and batch of a configuration.
struct PlannedNetwork {
  V2Topology topology;
  std::int64_t batch_size = 0;
};
/// What they have to fit into.
struct NetworkLimits {
  double gpu_memory;     ///< GB
  std::int64_t outputs;  ///< heads that are counted
  double cases;          ///< numTraining
};
/// spacing: mm; median_size: voxels, may have fractions; 2 or 3 axes; voxels: of the whole dataset, in 3D. Throws Error
/// where no patch fits.
PlannedNetwork planned_network(const PlannerKind& kind, const NetworkLimits& limits, const std::vector<double>& spacing,
                               const std::vector<double>& median_size, double voxels);

/// 3d_lowres: so much coarser that the patch is a quarter of the median image.
struct LowResolution {
  PlannedNetwork network;
  std::vector<double> spacing;
  std::vector<std::int64_t> median_size;  ///< rounded
};
/// Nothing where the full resolution's patch is large enough, or the image would have more than half of its voxels.
std::optional<LowResolution> low_resolution(const PlannerKind& kind, const NetworkLimits& limits,
                                            const FullResolution& full, const V2Topology& full_topology);

/// "architecture" of a configuration.
Json architecture_json(const PlannerKind& kind, const V2Topology& topology);
/// The six resampling entries, into the configuration.
void add_resampling(PlannerResampling resampling, Json& configuration);

}  // namespace nnunet::v2
