#pragma once
#include <filesystem>
#include <string>

#include "nnunet/train/auto_options.h"

namespace nnunet {

struct AutoResult {
  std::filesystem::path output, report;
  std::string command;              ///< that predicts: a shell's, with IMAGES and LABEL_MAPS to be replaced
  double dice = 0;                  ///< mean of the foreground in the validation of the best, 0-1; may be NaN
  std::string interrupted_by = {};  ///< "SIGTERM", "SIGINT": --continue goes on; else empty
};

/// A dataset becomes trained models: checked, planned, preprocessed, trained for the time that there is, compared, with
/// a report and a script that predicts. All that is written lies in `output`: auto.json (what was done and decided),
/// auto.log, nnUNet_preprocessed, nnUNet_results, report.html, predict.sh. What is finished there is not done again
/// with `resume`. The environment variables nnUNet_preprocessed and nnUNet_results point there while it runs. Throws
/// Error: faults in the dataset (their table is on the log) before anything is trained, an output that holds another
/// run, too little time, and as train_v2.
AutoResult train_automatically(AutoOptions options);

}  // namespace nnunet
