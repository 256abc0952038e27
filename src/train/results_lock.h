#pragma once
#include <filesystem>

namespace nnunet {

/// Keeps a results folder for one training: `.lock` in it is held (flock) as long as this lives, and so goes with the
/// process whatever ends it.
class ResultsLock {
 public:
  /// Throws Error naming the holder when another process has it.
  explicit ResultsLock(const std::filesystem::path& results);
  ~ResultsLock();
  ResultsLock(const ResultsLock&) = delete;
  ResultsLock& operator=(const ResultsLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace nnunet
