#pragma once
#include <string>

#include "auto_folders.h"
#include "auto_record.h"
#include "nnunet/io/folder_lock.h"
#include "nnunet/train/auto_options.h"
#include "nnunet/train/v2_trainer.h"

namespace nnunet {

/// A run of `nnunet auto`: what was asked for, where it writes and what is done. As long as this lives, the folder is
/// its own, and nnU-Net's environment variables point there.
struct AutoRun {
  /// Begins auto.json, or goes on with it. Throws Error where the folder cannot be taken, or holds another run.
  explicit AutoRun(AutoOptions options);

  std::string plans() const;    ///< name of the plans, once they are made
  double seconds_left() const;  ///< of the hours that were given

  AutoOptions asked;
  AutoFolders folders;
  int threads;
  bool on_gpu;
  FolderLock lock;
  AutoRecord record;
  AutoEnvironment environment;
};

/// A training as train_v2 and time_v2 take it. trainer: name, or file of its recipe; half: half precision.
V2TrainOptions training_options(const AutoRun& run, const std::string& configuration, const std::string& fold,
                                const std::string& trainer, bool half);

}  // namespace nnunet
