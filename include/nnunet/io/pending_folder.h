#pragma once
#include <filesystem>

namespace nnunet {

/// A folder that is filled under a hidden temporary name beside its final one: the final name appears with commit(),
/// and without it nothing is left. What killed processes of this machine left of the same folder is removed first.
class PendingFolder {
 public:
  /// Missing parent folders are made. Throws Error: the final name exists, or nothing can be written there.
  explicit PendingFolder(const std::filesystem::path& folder);
  ~PendingFolder();
  PendingFolder(const PendingFolder&) = delete;
  PendingFolder& operator=(const PendingFolder&) = delete;

  /// Where to write until then.
  const std::filesystem::path& path() const { return temporary_; }
  /// Flushes and renames. Throws Error.
  void commit();

 private:
  std::filesystem::path final_, temporary_;
};

}  // namespace nnunet
