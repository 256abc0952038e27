#include "nnunet/io/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "nnunet/core/error.h"
#include "posix_file.h"

namespace nnunet {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

std::string holder_of(int file) {
  std::array<char, 512> text{};
  const ssize_t length = ::pread(file, text.data(), text.size() - 1, 0);
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "another process";
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder, const std::filesystem::path& subject, std::string_view who,
                       std::string_view remedy) {
  const std::filesystem::path path = folder / ".lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0)
    throw Error(path.string(), "cannot be written: " + system_reason(errno), "choose a folder that can be written");
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    const std::string holder = holder_of(file_);
    ::close(file_);
    if (reason != EWOULDBLOCK)
      throw Error(path.string(), fmt::format("the folder cannot be locked ({})", system_reason(reason)),
                  "use a file system that has locks");
    throw Error(subject.string(), fmt::format("{} writes here ({})", who, holder), remedy);
  }
  const std::string holder = fmt::format("process {} on {}", ::getpid(), host_name());
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, holder.data(), holder.size(), 0) < 0) {
    // Only the message of a second process would be poorer.
  }
}

FolderLock::~FolderLock() {
  ::close(file_);
}

}  // namespace nnunet
