#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/train/trainer.h"

namespace nnunet {

/// The epochs of a training so far: what the logs, the curves, early stopping and the choice of the best epoch look at.
class History {
 public:
  /// Where an epoch has a pseudo Dice, its moving average is found: 0.9 x the last one + 0.1 x this mean, the mean
  /// itself at first (contract-v2-run, section 4), and the epoch of the largest average is the best.
  void add(EpochRecord record);
  const std::vector<EpochRecord>& epochs() const { return epochs_; }

  /// From now on only later epochs can be the best: what was validated before is not what is validated now.
  void start_best_anew();

  /// Index into epochs() of the best Dice sum, or moving average (the first of equals); nullopt before the first
  /// evaluation. A class that occurs in no case of an epoch counts as perfect in the sum, so that predicting it by
  /// mistake never looks better.
  std::optional<std::size_t> best() const { return best_; }
  /// The same as it was when the epoch of that index, an evaluated one, was the last.
  std::size_t best_until(std::size_t index) const;
  /// True when the last epoch is the best one.
  bool last_is_best() const { return best_ && *best_ + 1 == epochs_.size(); }
  /// Evaluated epochs since the best one.
  std::int64_t epochs_without_improvement() const;

  Value state() const;
  /// Where the best epoch was looked for anew; to be kept beside state() and given back with it.
  std::int64_t best_from() const { return static_cast<std::int64_t>(best_from_); }
  void load_state(const Value& state, const std::string& source, std::int64_t best_from = 0);

 private:
  std::vector<EpochRecord> epochs_;
  std::optional<std::size_t> best_;
  std::size_t best_from_ = 0;  ///< first epoch that can be the best
};

/// Draws losses, Dice per class, learning rate and seconds per epoch. class_names: foreground classes.
void draw_history(const std::filesystem::path& path, const History& history,
                  const std::vector<std::string>& class_names);

}  // namespace nnunet
