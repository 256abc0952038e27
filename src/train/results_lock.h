#pragma once
#include <filesystem>

#include "nnunet/io/folder_lock.h"

namespace nnunet {

/// Keeps a results folder for one training.
class ResultsLock {
 public:
  /// Throws Error naming the holder when another process has it.
  explicit ResultsLock(const std::filesystem::path& results)
      : lock_(results, results, "another training", "wait for it, or choose another --results") {}

 private:
  FolderLock lock_;
};

}  // namespace nnunet
