#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/io/config.h"
#include "nnunet/plan/model_plan.h"
#include "nnunet/plan/plan.h"

namespace nnunet {

using StateDict =
    std::vector<std::pair<std::string, HostTensor>>;  ///< names as in reference/network.json, with buffers

/// Everything prediction needs (network, data configuration, weights), and, in a checkpoint of a training, what
/// continues it. On disk: a dict {format: "nnunet", version: 2, program, state_dict, model, plan, data, training};
/// model, plan and data are plain dicts. Version 1 had no `model` and no `program` (the version of the program that
/// wrote it). In version 3, written where there is a model of its own, `model` counts and `data` is only a summary.
struct Checkpoint {
  NetworkPlan plan;
  /// Without its list of cases. Where there is a model of its own: summary_of(*model).
  DataConfig data;
  StateDict state_dict;
  Value training;  ///< None in a foreign or stripped checkpoint; its content belongs to train/training_state
  /// Of a model that `data` has no words for, such as nnU-Net v2's: everything but the weights, `plan` included.
  std::optional<ModelPlan> model = {};
};

/// Everything that turns an image into a label map: the model, or what `plan` and `data` say together.
ModelPlan model_plan(const Checkpoint& checkpoint);

/// What a plan says in the words of the reference system, as far as they reach: patch, spacing, channels, heads (as
/// n_class), names of labels where each has a head, CT or not.
DataConfig summary_of(const ModelPlan& plan);

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// What a checkpoint of another program leaves open.
struct ForeignDefaults {
  const DataConfig* data = nullptr;  ///< config.json of --data: says patch, spacings, channels, classes
  NetworkOptions network;            ///< used where its pickled hyper-parameters say nothing
};

/// Reads ours, a Lightning checkpoint of the reference system ("state_dict" with keys "model.*"; others such as
/// "dice.*" are ignored; norm, residual, negative_slope, and so on from "hyper_parameters" where they are plain
/// values), a plain state_dict, or one fold of nnU-Net v2's (checkpoint/v2_model.h). Throws Error: not a checkpoint;
/// foreign without defaults.data ("give --data").
Checkpoint load_checkpoint(const std::filesystem::path& path, const ForeignDefaults& defaults = {});
/// The same (but nnU-Net v2's) of bytes in memory, which are not needed afterwards. name: for messages.
Checkpoint load_checkpoint(std::span<const std::byte> file, const std::string& name,
                           const ForeignDefaults& defaults = {});

}  // namespace nnunet
