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
  void add(EpochRecord record);
  const std::vector<EpochRecord>& epochs() const { return epochs_; }

  /// Index into epochs() of the best Dice sum (the first of equals); nullopt before the first evaluation.
  std::optional<std::size_t> best() const { return best_; }
  /// The same as it was when the epoch of that index, an evaluated one, was the last.
  std::size_t best_until(std::size_t index) const;
  /// True when the last epoch is the best one.
  bool last_is_best() const { return best_ && *best_ + 1 == epochs_.size(); }
  /// Evaluated epochs since the best one.
  std::int64_t epochs_without_improvement() const;

  Value state() const;
  void load_state(const Value& state, const std::string& source);

 private:
  std::vector<EpochRecord> epochs_;
  std::optional<std::size_t> best_;
};

/// Mean of the Dice values; 0 for none.
double mean_dice(const EpochRecord& record);

/// Draws losses, Dice per class, learning rate and seconds per epoch. class_names: foreground classes.
void draw_history(const std::filesystem::path& path, const History& history,
                  const std::vector<std::string>& class_names);

}  // namespace nnunet
