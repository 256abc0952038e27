#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "nnunet/io/config.h"
#include "nnunet/plan/model_plan.h"
#include "nnunet/plan/task.h"

/// Plans of the reference system's models, and config.json of preprocessed folders, which speaks its words.
namespace nnunet {

/// What is done to each channel: where `ct` is given, they are clipped and scaled by it, whatever `modality` says,
/// since that is what happens to the voxels; else CT without known statistics, or the channel's z-score.
ChannelNormalization reference_normalization(const DataConfig& config);

/// What the reference system does with a folder's or a checkpoint's configuration. 2D networks take the last two
/// spacings and resample nothing. Throws Error where spacings are missing.
ModelPlan reference_plan(const DataConfig& config, std::optional<NetworkPlan> network = {});

/// A task's entry in the table as a configuration, without names of labels.
DataConfig task_config(const TaskDefaults& task, int dim);

/// Throws Error (subject: name) for what a plan that has passed check_model_plan can say but this program does not do
/// yet, and names the field. Whatever the reference system does is done, networks of any kind included.
void check_supported(const ModelPlan& plan, const std::string& name);
/// The same of its preprocessing alone, which is checked first.
void check_supported(const PreprocessPlan& plan, const std::string& name);

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
