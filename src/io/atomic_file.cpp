#include "nnunet/io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "nnunet/core/error.h"
#include "posix_file.h"
#include "process.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

/// A name in the same folder that no other thread or process uses.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  fs::path name = path;
  name += fmt::format("{}{}.{}", temporary_mark, this_process().text(), counter++);
  return name;
}

constexpr const char* trial_name = ".nnunet";

void give_name(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw std::system_error(errno, std::generic_category());
}

[[noreturn]] void fail_writing(const fs::path& path, int code) {
  throw Error(path.string(), "cannot be written: " + system_reason(code), writing_remedy(code));
}

void make_parent(const fs::path& path) {
  if (!path.has_parent_path()) return;
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure) {
    throw Error(path.string(), fmt::format("its folder cannot be made: {}", failure.message()),
                writing_remedy(failure.value()));
  }
}

/// Not touched for longer than any file with several writers takes to be written.
bool is_old(const fs::path& path) {
  constexpr std::chrono::minutes long_ago(10);
  std::error_code failure;
  const auto written = fs::last_write_time(path, failure);
  return !failure && fs::file_time_type::clock::now() - written > long_ago;
}

/// Some file systems report a full disk only here.
void flush_to_disk(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || (::fsync(file.get()) != 0 && errno != EINVAL)) {
    throw std::system_error(errno, std::generic_category());
  }
}

/// The writer knows only the temporary name; users look for the final one.
std::string with_final_name(std::string text, const fs::path& temporary, const fs::path& path) {
  for (std::size_t at; (at = text.find(temporary.string())) != std::string::npos;) {
    text.replace(at, temporary.string().size(), path.string());
  }
  return text;
}

/// Turns the exception in flight into an Error about `path`.
[[noreturn]] void fail_with_current_exception(const fs::path& path, const fs::path& temporary) {
  try {
    throw;
  } catch (const std::system_error& e) {
    fail_writing(path, e.code().value());
  } catch (const std::exception& e) {
    std::string reason = with_final_name(e.what(), temporary, path);
    if (!reason.empty() && reason.back() == '.') reason.pop_back();
    throw Error(path.string(), "cannot be written: " + reason, "check that the disk is not full and try again");
  } catch (...) {
    throw Error(path.string(), "cannot be written", "try again");
  }
}

}  // namespace

void write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  make_parent(path);
  const fs::path temporary = temporary_name(path);
  try {
    write(temporary);
    flush_to_disk(temporary);
    give_name(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    fail_with_current_exception(path, temporary);
  }
}

PendingFiles::~PendingFiles() {
  for (const Names& file : files_) ::unlink(file.temporary.c_str());
}

void PendingFiles::write(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  make_parent(path);
  const fs::path temporary = temporary_name(path);
  try {
    write(temporary);
    if (!fs::exists(temporary)) throw std::system_error(ENOENT, std::generic_category());
  } catch (...) {
    ::unlink(temporary.c_str());
    fail_with_current_exception(path, temporary);
  }
  files_.push_back({temporary, path});
}

void PendingFiles::publish() {
  for (const Names& file : files_) {
    try {
      give_name(file.temporary, file.final);
    } catch (...) {
      fail_with_current_exception(file.final, file.temporary);
    }
  }
  files_.clear();
}

void flush_file_system(const fs::path& folder) {
  const FileDescriptor open = open_for_reading(folder);
#ifdef __linux__
  if (::syncfs(open.get()) != 0) fail_writing(folder, errno);
#else
  ::sync();
#endif
}

void remove_leftovers(const fs::path& folder, const std::function<Writer(const std::string&)>& writer) {
  std::error_code ignored;
  std::vector<fs::path> found;
  const std::uint32_t this_machine = this_process().machine;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.find(temporary_mark);
    if (mark == std::string::npos || entry.is_directory(ignored)) continue;
    const std::string final_name = name.substr(0, mark);
    const Writer who = final_name == trial_name ? Writer::several : writer(final_name);
    if (who == Writer::nobody) continue;
    const auto process = Process::parse(std::string_view(name).substr(mark + temporary_mark.size()));
    const bool here = process && process->machine == this_machine;
    if (here ? !is_running(*process) : who == Writer::self || is_old(entry.path())) found.push_back(entry.path());
  }
  for (const fs::path& path : found) fs::remove(path, ignored);
}

PendingFile::PendingFile(const fs::path& path) : path_(path) {
  make_parent(path);
  temporary_ = temporary_name(path);
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file_ < 0) fail_writing(path, errno);
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), file_(std::exchange(other.file_, -1)) {}

PendingFile::~PendingFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void PendingFile::write(std::size_t offset, std::span<const std::byte> content) const {
  while (!content.empty()) {
    const ssize_t n = ::pwrite(file_, content.data(), content.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_writing(path_, n < 0 ? errno : ENOSPC);
    content = content.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::size_t>(n);
  }
}

void PendingFile::commit() {
  if ((::fsync(file_) != 0 && errno != EINVAL) || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail_writing(path_, errno);
  ::close(std::exchange(file_, -1));
}

void write_file(const fs::path& path, std::span<const std::byte> content) {
  write_atomically(path, [&](const fs::path& temporary) { write_parts(temporary, {content}); });
}

void write_text(const fs::path& path, std::string_view content) {
  write_file(path, std::as_bytes(std::span(content.data(), content.size())));
}

std::string read_text(const fs::path& path, std::size_t limit) {
  const FileDescriptor file = open_for_reading(path);
  const std::size_t size = file_size(file, path);
  if (size > limit) {
    throw Error(path.string(), fmt::format("is too large ({} bytes, at most {} expected)", size, limit),
                "check that this is the right file");
  }
  std::string text(size, '\0');
  read_exactly(file, std::as_writable_bytes(std::span(text)), path);
  return text;
}

void require_writable_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    throw Error(folder.string(), "the folder cannot be made: " + failure.message(), writing_remedy(failure.value()));
  }
  const fs::path trial = temporary_name(folder / trial_name);
  const int file = ::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) {
    const int code = errno;
    throw Error(folder.string(), "the folder is not writable: " + system_reason(code), writing_remedy(code));
  }
  ::close(file);
  ::unlink(trial.c_str());
}

}  // namespace nnunet
