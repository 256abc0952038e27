#pragma once
#include <filesystem>
#include <string>

#include "nnunet/data/split.h"
#include "nnunet/train/history.h"
#include "nnunet/train/step.h"
#include "training_job.h"

namespace nnunet {

/// Logs what is trained on what, and how.
void describe_training(const TrainOptions& options, const PreprocessedFolder& folder, const FoldSplit& fold,
                       const TrainingJob& job, const UNet& network, bool native);

/// Tells of each epoch: a line of the log, and the curves (progress.png).
class TrainingReport {
 public:
  TrainingReport(std::filesystem::path curves, const DataConfig& config);
  /// Of the history's last epoch.
  void tell(const History& history);

 private:
  std::filesystem::path curves_;
  std::vector<std::string> class_names_;  ///< foreground
  std::string absent_note_;               ///< what was last said of classes that occur nowhere
};

}  // namespace nnunet
