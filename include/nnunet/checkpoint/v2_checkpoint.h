#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/checkpoint/python_value.h"

/// checkpoint_*.pth of a training by nnU-Net v2 or by this program, both ways (contract-v2-run, section 1).
namespace nnunet {

/// A value an epoch, under nnU-Net's names.
struct V2Logging {
  std::vector<float> mean_fg_dice, ema_fg_dice;              ///< 0-1
  std::vector<std::vector<float>> dice_per_class_or_region;  ///< NaN where a class occurs nowhere
  std::vector<float> train_losses, val_losses;
  std::vector<double> lrs, epoch_start_timestamps, epoch_end_timestamps;  ///< times: seconds since 1970

  /// Epochs that are in all lists.
  std::size_t epochs() const;
};

/// state_dict() of one of torch's optimizers.
struct V2OptimizerState {
  /// The options of its one group, in their order, without the list of parameters.
  std::vector<std::pair<std::string, PythonValue>> options;
  /// By the parameter's place in the network's list; parameters that never had a gradient have no entry.
  std::vector<std::pair<std::int64_t, std::vector<std::pair<std::string, HostTensor>>>> state;
  std::int64_t parameters = 0;

  /// A number among the options; nothing where there is none of that name.
  std::optional<double> number(const std::string& name) const;
};

/// torch.amp.GradScaler's.
struct V2GradScaler {
  double scale = 65536;
  std::int64_t growth_tracker = 0;  ///< good steps since the scale changed
};

struct V2Checkpoint {
  StateDict weights;  ///< by the names of state_entries, in their order
  V2OptimizerState optimizer;
  std::optional<V2GradScaler> scaler;
  V2Logging logging;
  std::optional<float> best_ema;
  std::int64_t epochs_done = 0;
  // init_args
  nlohmann::ordered_json plans, dataset;
  std::string configuration;
  std::string fold;            ///< "0", "all"
  std::string device = "cpu";  ///< "cpu" or "cuda"
  std::string trainer;         ///< class's name
  std::vector<int> mirror_axes = {};
  /// Of this program alone, under a key that nnU-Net does not look at; None in nnU-Net's own files.
  Value own = {};
};

/// Atomic. Every tensor of the network is written under each of its names, its numbers once. Throws Error for weights
/// that are not those of the plan's network.
void save_v2_checkpoint(const std::filesystem::path& path, const NetworkPlan& plan, const V2Checkpoint& checkpoint);

/// Throws Error (file, problem, remedy): not such a checkpoint, weights of another network, lists that do not fit
/// together.
V2Checkpoint load_v2_checkpoint(const std::filesystem::path& path, const NetworkPlan& plan);

/// The weights alone, without the heads' (`.seg_layers.`): what -pretrained_weights takes. Names as state_entries.
/// Throws Error where one of them is missing or has another shape.
StateDict load_v2_pretrained_weights(const std::filesystem::path& path, const NetworkPlan& plan);

}  // namespace nnunet
