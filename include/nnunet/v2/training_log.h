#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/v2/python_json.h"

/// What nnU-Net v2 writes of a training beside its checkpoints (contract-v2-run, sections 1 and 4).
namespace nnunet::v2 {

/// fold_N/training_log_Y_M_D_HH_MM_SS.txt, a new one for every start of a training.
class TrainingLog {
 public:
  using Clock = std::chrono::system_clock;

  /// Begins the file, named after the time (this machine's time zone), with nnU-Net's request to cite its paper. Throws
  /// Error where it cannot be written.
  explicit TrainingLog(const std::filesystem::path& folder, Clock::time_point now = Clock::now());

  const std::filesystem::path& path() const { return path_; }

  /// "2026-11-28 21:23:10.528151: TEXT ". A full disk is warned about once and stops no training.
  void line(std::string_view text, Clock::time_point now = Clock::now());
  /// Without the time.
  void plain(std::string_view text);

  /// The configuration with what it inherits, and the rest of the plans.
  void plans(const Json& plans, const std::string& configuration_name, const Json& configuration);
  void epoch_begins(std::int64_t epoch, double learning_rate);
  /// Of the last epoch in the record; best: its moving average is the best one until now.
  void epoch_ends(const V2Logging& record, bool best);
  void predicting(const std::string& name, const std::vector<std::int64_t>& shape, int rank = 0);
  void validation_ends(double mean_dice);

 private:
  void append(const std::string& text);

  std::filesystem::path path_;
  bool failed_ = false;
};

/// progress.png: losses with the pseudo Dice and its moving average, seconds an epoch, learning rate. Atomic.
void draw_progress(const std::filesystem::path& path, const V2Logging& record);

}  // namespace nnunet::v2
