#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "nnunet/io/config.h"
#include "nnunet/plan/model_plan.h"
#include "nnunet/plan/task.h"

/// Plans of the reference system's models, and config.json of preprocessed folders, which speaks its words.
namespace nnunet {

/// What the reference system does with a folder's or a checkpoint's configuration. Intensities: where `ct` is given,
/// all channels are clipped and scaled by it, whatever `modality` says, since that is what happens to the voxels; else
/// CT without known statistics, or each channel's z-score. 2D networks take the last two spacings and resample nothing.
ModelPlan reference_plan(const DataConfig& config, std::optional<NetworkPlan> network = {});

/// A task's entry in the table as a configuration, without names of labels.
DataConfig task_config(const TaskDefaults& task, int dim);

/// config.json of a preprocessed folder and what it means.
struct PlannedConfig {
  DataConfig config;
  ModelPlan plan;
};

/// Files of earlier versions hold no plan: it is made from what they say. Throws Error (file, field, remedy) for a
/// broken file, a plan that contradicts the rest of it, and one that this program cannot follow.
PlannedConfig read_planned_config(const std::filesystem::path& path);
/// The file's text: config_text with the plan under the key "plan".
std::string planned_config_text(const DataConfig& config);

}  // namespace nnunet
