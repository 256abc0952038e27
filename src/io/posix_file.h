#pragma once
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>

#include "nnunet/io/regular_file.h"

namespace nnunet {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// The system's words for an errno value.
std::string system_reason(int code);
/// What a user can do about a failed write.
std::string writing_remedy(int code);

/// Throws Error where a pipe, socket or device is there, which renaming a file onto it would replace.
void refuse_special_target(const std::filesystem::path& path);

/// Throws Error: absent, no permission, not a regular file (see require_regular_file).
FileDescriptor open_for_reading(const std::filesystem::path& path);
std::size_t file_size(const FileDescriptor& file, const std::filesystem::path& path);
/// Fills `to` from the current position; throws Error when the file ends early.
void read_exactly(const FileDescriptor& file, std::span<std::byte> to, const std::filesystem::path& path);

/// Makes or overwrites the file with these parts, one after the other. Throws std::system_error.
void write_parts(const std::filesystem::path& path, std::initializer_list<std::span<const std::byte>> parts);

}  // namespace nnunet
