#include "nnunet/v2/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"
#include "planner_parts.h"
#include "plans_name.h"

namespace nnunet::v2 {
namespace {

constexpr double kMaskedBelow = 0.75;

constexpr const char *kPlane = "2d", *kLow = "3d_lowres", *kFull = "3d_fullres", *kCascade = "3d_cascade_fullres";

/// What every configuration of the plans shares.
struct Common {
  const PlannerKind& kind;
  const PlannerOptions& options;
  const PlannedDataset& dataset;
  std::string plans_name;

  NetworkLimits limits() const {
    return {options.gpu_memory_target.value_or(kind.reference_gb), dataset.labels, dataset.cases};
  }

  /// Some planners name the default planner's data, also where their own spacing makes other data of it.
  std::string data_identifier(const std::string& configuration) const {
    const bool shared = kind.shares_data && (configuration == kPlane || configuration == kFull);
    return fmt::format("{}_{}", shared ? default_plans_name("ExperimentPlanner") : plans_name, configuration);
  }

  void add_normalization(Json& configuration) const {
    std::vector<std::string> schemes;
    std::vector<bool> masked;
    for (const std::string& channel : dataset.channels) {
      schemes.push_back(normalization_of_channel(channel));
      masked.push_back(dataset.relative_size < kMaskedBelow && schemes.back() == "ZScoreNormalization");
    }
    configuration["normalization_schemes"] = schemes;
    configuration["use_mask_for_norm"] = masked;
  }

  /// median_size: numbers as the file shall have them.
  Json configuration(const std::string& name, const PlannedNetwork& network, const std::vector<double>& spacing,
                     const Json& median_size, bool batch_dice) const {
    Json json{{"data_identifier", data_identifier(name)},   {"preprocessor_name", options.preprocessor},
              {"batch_size", network.batch_size},           {"patch_size", network.topology.patch},
              {"median_image_size_in_voxels", median_size}, {"spacing", spacing}};
    add_normalization(json);
    add_resampling(kind.resampling, json);
    json["architecture"] = architecture_json(kind, network.topology);
    json["batch_dice"] = batch_dice;
    return json;
  }
};

void check_options(const PlannerOptions& options) {
  if (options.gpu_memory_target && !(*options.gpu_memory_target > 0 && std::isfinite(*options.gpu_memory_target)))
    throw Error("-gpu_memory_target", fmt::format("{} GB is no memory", *options.gpu_memory_target), "give it in GB");
  if (options.target_spacing)
    for (const double spacing : *options.target_spacing)
      if (!(spacing > 0 && std::isfinite(spacing)))
        throw Error("-overwrite_target_spacing", fmt::format("{} mm is no spacing", spacing),
                    "give three numbers above 0, in mm: z y x");
  if (!options.plans_name.empty()) check_plans_name(options.plans_name, "-overwrite_plans_name");
}

Json configurations(const Common& common, const FullResolution& full) {
  const auto& size = full.median_size;
  const double voxels = size[0] * size[1] * size[2] * common.dataset.cases;
  const NetworkLimits limits = common.limits();
  const auto plane = [](const std::vector<double>& all) { return std::vector<double>(all.begin() + 1, all.end()); };
  const auto plane_spacing = plane(full.spacing), plane_size = plane(size);
  Json all;
  all[kPlane] = common.configuration(kPlane, planned_network(common.kind, limits, plane_spacing, plane_size, voxels),
                                     plane_spacing, plane_size, true);
  if (size[0] == 1) return all;  // pictures

  const PlannedNetwork network = planned_network(common.kind, limits, full.spacing, size, voxels);
  const auto low = low_resolution(common.kind, limits, full, network.topology);
  if (low) {
    all[kLow] = common.configuration(kLow, low->network, low->spacing, low->median_size, false);
    all[kLow]["next_stage"] = kCascade;
  }
  all[kFull] = common.configuration(kFull, network, full.spacing, size, low.has_value());
  if (low) all[kCascade] = Json{{"inherits_from", kFull}, {"previous_stage", kLow}};
  return all;
}

}  // namespace

Json make_plans(const PlannerInput& input, const PlannerOptions& options) {
  const PlannerKind& kind = planner_kind(options.planner);
  check_options(options);
  const PlannedDataset dataset = planned_dataset(input);
  const FullResolution full = full_resolution(dataset, options.target_spacing);
  const Common common{kind, options, dataset,
                      options.plans_name.empty() ? std::string(kind.plans_name) : options.plans_name};
  return Json{{"dataset_name", input.dataset_name},
              {"plans_name", common.plans_name},
              {"original_median_spacing_after_transp", full.original_spacing},
              {"original_median_shape_after_transp", full.original_size},
              {"image_reader_writer", input.reader},
              {"transpose_forward", full.forward},
              {"transpose_backward", full.backward},
              {"configurations", configurations(common, full)},
              {"experiment_planner_used", kind.name},
              {"label_manager", "LabelManager"},
              {"foreground_intensity_properties_per_channel", dataset.intensities}};
}

}  // namespace nnunet::v2
