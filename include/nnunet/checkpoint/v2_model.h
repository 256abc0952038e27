#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/plan/v2_plan.h"

/// Models that nnU-Net v2 trained (contract-v2-run, sections 1 and 2). Reading executes nothing.
///
/// A path is one of: a model folder (TRAINER__PLANS__CONFIGURATION, with plans.json and dataset.json), a fold folder in
/// it, a zip as nnUNetv2_export_model_to_zip writes it (ZIP:FOLDER/INSIDE chooses where it holds several), a
/// checkpoint_*.pth alone, whose own plans count.
namespace nnunet {

/// The network of one fold.
struct V2Fold {
  std::string name;       ///< "0", "all"; of a file alone as it says
  std::string source;     ///< the file, for messages
  Checkpoint checkpoint;  ///< with its `model`; parameters and buffers by the names of state_entries, in their order
};

struct V2Model {
  std::string plans_text, dataset_text;  ///< the two JSON files, to be copied beside label maps
  V2Description description;
  ModelPlan plan;
  std::vector<V2Fold> folds;
};

/// Which checkpoints a model has.
struct V2FoldFiles {
  std::string name;                      ///< "0", "all"
  std::vector<std::string> checkpoints;  ///< "checkpoint_best.pth", ..., ascending
};

inline constexpr const char* kV2Checkpoint = "checkpoint_final.pth";

/// Whether read_v2_model is the one to ask; says yes for damaged models, too, whose fault it names.
bool is_v2_model(const std::filesystem::path& path);

/// Numbers ascending, then "all". A file alone: the fold that it says.
std::vector<V2FoldFiles> v2_folds(const std::filesystem::path& path);

/// folds: "0", "1", ..., "all"; empty: every fold but "all" that has the checkpoint, else "all" (a fold folder, a file
/// alone: itself). Trainer, configuration and mirror axes are the first fold's. Throws Error (file, problem, remedy): a
/// fold or checkpoint that is not there (those there are are listed), plans that lack the configuration or that this
/// program does not know, weights that are not those of the network, several models in a zip (listed), names in a zip
/// that lead out of it, damaged files.
V2Model read_v2_model(const std::filesystem::path& path, const std::vector<std::string>& folds = {},
                      const std::string& checkpoint = kV2Checkpoint);

/// The same of a zip or a checkpoint whose bytes are in memory, and are not needed afterwards. name: for messages.
bool is_v2_model(std::span<const std::byte> file, const std::string& name);
V2Model read_v2_model(std::span<const std::byte> file, const std::string& name,
                      const std::vector<std::string>& folds = {}, const std::string& checkpoint = kV2Checkpoint);

/// The plan alone, without any weights: of the first of these folds.
V2Plan read_v2_model_plan(const std::filesystem::path& path, const std::vector<std::string>& folds = {},
                          const std::string& checkpoint = kV2Checkpoint);

/// A tensor in nnU-Net v2's `network_weights`.
struct V2StateName {
  std::string name;   ///< in the file; several name the same tensor
  std::string plain;  ///< as state_entries has it
};
/// All names of a network's tensors, in the order in which nnU-Net v2 writes them.
std::vector<V2StateName> v2_state_names(const NetworkPlan& plan);

}  // namespace nnunet
