#pragma once
#include <filesystem>
#include <string_view>

namespace nnunet {

/// Keeps a folder for one process: `.lock` in it is held (flock) as long as this lives, and so goes with the process
/// whatever ends it.
class FolderLock {
 public:
  /// subject: what a message names. Throws Error when another process has it ("SUBJECT: WHO writes here (process 7 on
  /// host). REMEDY"), or the folder has no locks.
  FolderLock(const std::filesystem::path& folder, const std::filesystem::path& subject, std::string_view who,
             std::string_view remedy);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace nnunet
