#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

namespace nnunet::fuzz {

/// A file in memory, for readers that want a path.
class ScratchFile {
 public:
  ScratchFile() : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file_ < 0) std::abort();
  }
  ~ScratchFile() { ::close(file_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }
  /// Replaces the content.
  void write(std::span<const std::byte> content) const {
    if (::ftruncate(file_, 0) != 0) std::abort();
    if (::pwrite(file_, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) std::abort();
  }

 private:
  int file_;
};

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

/// What must always hold: the fuzzer reports the input when it does not.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace nnunet::fuzz
