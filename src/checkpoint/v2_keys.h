#pragma once

/// Keys of nnU-Net v2's checkpoints (contract-v2-run, section 1).
namespace nnunet::v2_keys {

inline constexpr const char *kWeights = "network_weights", *kOptimizer = "optimizer_state",
                            *kScaler = "grad_scaler_state", *kLogging = "logging", *kBest = "_best_ema",
                            *kEpoch = "current_epoch", *kArguments = "init_args", *kTrainer = "trainer_name",
                            *kMirrorAxes = "inference_allowed_mirroring_axes";
/// What this program adds.
inline constexpr const char* kOwn = "nnunet";
/// In init_args.
inline constexpr const char *kPlans = "plans", *kConfiguration = "configuration", *kFold = "fold",
                            *kDataset = "dataset_json", *kDevice = "device";
/// In logging.
inline constexpr const char *kMeanDice = "mean_fg_dice", *kAverageDice = "ema_fg_dice",
                            *kClassDice = "dice_per_class_or_region", *kTrainLosses = "train_losses",
                            *kValidationLosses = "val_losses", *kRates = "lrs", *kStarts = "epoch_start_timestamps",
                            *kEnds = "epoch_end_timestamps";

}  // namespace nnunet::v2_keys
