#include "nnunet/io/durable_move.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "nnunet/core/error.h"
#include "posix_file.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* what, int code) {
  throw Error(path.string(), std::string(what) + ": " + system_reason(code), writing_remedy(code));
}

void flush(const fs::path& path, int flags) {
  const FileDescriptor open(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  // Some file systems cannot flush folders, and say so.
  if (open.get() < 0 || (::fsync(open.get()) != 0 && errno != EINVAL)) fail(path, "cannot be flushed", errno);
}

void move(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to, "cannot be written", errno);
  flush_folder(to.parent_path());
}

}  // namespace

void flush_folder(const fs::path& folder) {
  flush(folder.empty() ? fs::path(".") : folder, O_DIRECTORY);
}

void make_private_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), S_IRWXU) == 0) return flush_folder(folder.parent_path());
  const int code = errno;
  std::error_code ignored;
  if (code != EEXIST || !fs::is_directory(folder, ignored)) fail(folder, "the folder cannot be made", code);
}

void move_file_durably(const fs::path& from, const fs::path& to) {
  flush(from, 0);
  move(from, to);
}

void move_folder_durably(const fs::path& from, const fs::path& to) {
  move(from, to);
  if (from.parent_path() != to.parent_path()) flush_folder(from.parent_path());
}

}  // namespace nnunet
