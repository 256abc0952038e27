#pragma once
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/io/image_case.h"

namespace nnunet {

/// How the images of a model of nnU-Net v2 are read and its label maps written. Throws Error for a reader that is not
/// known.
ImageFormat image_format(const V2Model& model);
/// Its folds' networks, which it has no longer.
std::vector<Checkpoint> take_checkpoints(V2Model& model);

/// Networks, with what prediction of their images needs beside them.
struct OpenedModel {
  std::vector<Checkpoint> checkpoints;  ///< of the folds
  ImageFormat format = {};
  std::optional<V2Model> v2 = {};  ///< nnU-Net v2's texts and description; without checkpoints
};

/// A model of nnU-Net v2 (checkpoint/v2_model.h), whose folds and checkpoint can be chosen, or checkpoints of this
/// program. foreign: what checkpoints of the reference system leave open. Throws Error: none, unreadable ones, a model
/// of nnU-Net v2 among several.
OpenedModel open_model(const std::vector<std::filesystem::path>& paths, const std::vector<std::string>& folds = {},
                       const std::string& checkpoint = kV2Checkpoint, const ForeignDefaults& foreign = {});
/// The same of files in memory, which are not needed afterwards.
OpenedModel open_model(const std::vector<std::span<const std::byte>>& files, const std::vector<std::string>& folds = {},
                       const std::string& checkpoint = kV2Checkpoint, const ForeignDefaults& foreign = {});

/// All that is known of a model without its weights (docs/c-api.md).
nlohmann::ordered_json model_facts(const Predictor& predictor, const OpenedModel& model);

}  // namespace nnunet
