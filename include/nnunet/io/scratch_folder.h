#pragma once
#include <filesystem>

namespace nnunet {

/// A folder for data of this process alone, under TMPDIR (else /tmp); removed with what it holds. Where a
/// process was killed, the next one of the same user removes its folder.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace nnunet
