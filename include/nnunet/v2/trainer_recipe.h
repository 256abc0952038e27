#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What nnU-Net v2's trainers are (contract-v2-run, sections 3 to 5): each of its classes is a recipe, plain data.
namespace nnunet::v2 {

/// Beside the Dice loss, or instead of it.
enum class LossKind { dice_ce, ce, dice, topk, dice_topk };
enum class OptimizerKind { sgd, adamw, adam };
enum class ScheduleKind { poly, cosine, warmup_poly };
/// The default list of operators, the stronger one of the trainers DA5, or plain patches.
enum class AugmentationKind { standard, da5, none };
/// Along which axes patches are mirrored, in training and in prediction: all, those before the last, none.
enum class Mirroring { all, first_axes, none };

struct TrainerRecipe {
  std::string name = "nnUNetTrainer";        ///< names the model's folder
  std::string known_name = "nnUNetTrainer";  ///< the class that checkpoints name, which nnU-Net can predict with

  // Length
  std::int64_t epochs = 1000, iterations = 250, validation_iterations = 50;

  // Loss
  LossKind loss = LossKind::dice_ce;
  double dice_smooth = 1e-5;   ///< in numerator and denominator of the Dice loss
  double topk_share = 0.1;     ///< of the voxels, those with the largest cross entropy
  double label_smoothing = 0;  ///< of the top-k cross entropy
  bool deep_supervision = true;

  // Optimisation
  OptimizerKind optimizer = OptimizerKind::sgd;
  double learning_rate = 0.01, momentum = 0.99, weight_decay = 3e-5;
  ScheduleKind schedule = ScheduleKind::poly;
  std::int64_t warmup_epochs = 50;  ///< of warmup_poly
  double gradient_clip = 12;        ///< global L2 norm

  // Patches
  double forced_share = 0.33;               ///< of a batch, centred on foreground
  bool probabilistic_oversampling = false;  ///< each element with that probability, not the last ones
  bool realised_share = false;              ///< that probability is what forced_share makes of a whole batch
  AugmentationKind augmentation = AugmentationKind::standard;
  Mirroring mirroring = Mirroring::all;
  bool may_be_dummy_2d = true;           ///< planes alone are transformed where the first axis is coarse
  int image_order = 1, label_order = 1;  ///< 0: nearest voxel
  double cascade_share = 0.5;            ///< of the previous stage's labels that its operators act on

  // Network and run
  bool batch_norm = false;
  bool checkpoints = true;
  bool final_validation = true;
  bool data_loading = true;  ///< false: every step takes one batch of random numbers
  bool benchmark = false;    ///< writes benchmark_result.json

  bool operator==(const TrainerRecipe&) const = default;
};

/// All classes that are known, by name, in the order of the documentation.
const std::vector<TrainerRecipe>& known_trainers();

/// In what a recipe differs from nnUNetTrainer: "5 epochs, no mirroring"; empty: in nothing.
std::string what_differs(const TrainerRecipe& recipe);

/// -tr: the name of a class, or a file NAME.json with a recipe of one's own: {"based_on": "nnUNetTrainer_5epochs",
/// "epochs": 20, "iterations": 50, ...}; the keys are the names of the fields, `name` is the file's unless it says
/// another. Throws Error: no such class (all are listed), unknown keys, values that cannot be, the name of a class for
/// another recipe.
TrainerRecipe trainer_recipe(const std::string& name_or_file);

}  // namespace nnunet::v2
