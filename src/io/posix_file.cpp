#include "posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "nnunet/core/error.h"

namespace nnunet {

std::string system_reason(int code) {
  return std::generic_category().message(code);
}

std::string writing_remedy(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "free some space or choose another disk";
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a folder that you may write to";
    case EISDIR:
    case ENOTDIR:
    case EEXIST:
    case ENOTEMPTY:
      return "choose another name";
    default:
      return "check the path and the disk";
  }
}

namespace {

[[noreturn]] void fail_opening(const std::filesystem::path& path, int code) {
  if (code == ENOENT) throw Error(path.string(), "the file does not exist", "check the path");
  throw Error(path.string(), "cannot be opened: " + system_reason(code), "check the path and its permissions");
}

const char* kind_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a pipe (FIFO)";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

void require_regular(const struct stat& status, const std::filesystem::path& path) {
  if (!S_ISREG(status.st_mode))
    throw Error(path.string(), std::string("is ") + kind_name(status.st_mode) + ", not a regular file",
                "give the path of a file");
}

}  // namespace

void require_regular_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail_opening(path, errno);
  require_regular(status, path);
}

void refuse_special_target(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return;
  throw Error(path.string(), std::string("is ") + kind_name(status.st_mode) + ", which a file would replace",
              "choose another name");
}

FileDescriptor open_for_reading(const std::filesystem::path& path) {
  // Looked at first, since to open some devices does something; not blocking, should it become a pipe in between.
  require_regular_file(path);
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail_opening(path, errno);
  return file;
}

std::size_t file_size(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw Error(path.string(), "cannot be read: " + system_reason(errno));
  require_regular(status, path);
  return static_cast<std::size_t>(status.st_size);
}

void read_exactly(const FileDescriptor& file, std::span<std::byte> to, const std::filesystem::path& path) {
  while (!to.empty()) {
    const ssize_t n = ::read(file.get(), to.data(), to.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(path.string(), "cannot be read: " + system_reason(errno), "check the disk");
    if (n == 0) throw Error(path.string(), "the file became shorter while it was read", "try again");
    to = to.subspan(static_cast<std::size_t>(n));
  }
}

namespace {
void write_all(int file, std::span<const std::byte> content) {
  while (!content.empty()) {
    const ssize_t n = ::write(file, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::system_error(n < 0 ? errno : ENOSPC, std::generic_category());
    content = content.subspan(static_cast<std::size_t>(n));
  }
}
}  // namespace

void write_parts(const std::filesystem::path& path, std::initializer_list<std::span<const std::byte>> parts) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) throw std::system_error(errno, std::generic_category());
  for (const std::span<const std::byte> part : parts) write_all(file.get(), part);
}

}  // namespace nnunet
