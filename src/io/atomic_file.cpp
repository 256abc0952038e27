#include "nnunet/io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
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

/// A final name as temporary names begin with it: a long one is cut, so that what follows has room, on file systems
/// that allow 143 bytes too (eCryptfs). Its ending stays, by which files are told apart.
std::string temporary_stem(const std::string& name) {
  constexpr std::size_t most = 80, start = 48, ending = 12;
  if (name.size() <= most) return name;
  const auto within_letter = [&](std::size_t i) { return (static_cast<unsigned char>(name[i]) & 0xc0U) == 0x80U; };
  std::size_t first = start, last = name.size() - ending;
  while (first > 0 && within_letter(first)) --first;
  while (last < name.size() && within_letter(last)) ++last;
  return fmt::format("{}~{:08x}{}", name.substr(0, first), short_hash(name), name.substr(last));
}

/// A name in the same folder that no other thread or process uses.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  return path.parent_path() / fmt::format("{}{}{}.{}", temporary_stem(path.filename().string()), temporary_mark,
                                          this_process().text(), counter++);
}

/// How long names in the folder may be, or in the one above it that is there.
std::size_t longest_name(fs::path folder) {
  std::error_code ignored;
  while (!folder.empty() && folder != folder.parent_path() && !fs::exists(folder, ignored))
    folder = folder.parent_path();
  const long limit = ::pathconf(folder.empty() ? "." : folder.c_str(), _PC_NAME_MAX);
  return limit > 0 ? static_cast<std::size_t>(limit) : NAME_MAX;
}

/// All that can be known before the work.
void prepare_target(const fs::path& path) {
  require_name_fits(path);
  refuse_special_target(path);
}

constexpr const char* trial_name = ".nnunet";

void give_name(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw std::system_error(errno, std::generic_category());
}

[[noreturn]] void fail_writing(const fs::path& path, int code) {
  throw WriteError(path.string(), "cannot be written: " + system_reason(code), writing_remedy(code));
}

void prepare_writing(const fs::path& path) {
  prepare_target(path);
  if (!path.has_parent_path()) return;
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure) {
    throw WriteError(path.string(), fmt::format("its folder cannot be made: {}", failure.message()),
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
  } catch (const WriteError& e) {  // it names the file that cannot be
    throw WriteError("", with_final_name(e.what(), temporary, path));
  } catch (const Error& e) {
    const std::string text = with_final_name(e.what(), temporary, path);
    if (text.starts_with(path.string() + ": ")) throw Error("", text);  // it says all there is to say
    throw Error(path.string(), "cannot be written: " + text);
  } catch (const std::exception& e) {
    std::string reason = with_final_name(e.what(), temporary, path);
    if (!reason.empty() && reason.back() == '.') reason.pop_back();
    throw WriteError(path.string(), "cannot be written: " + reason, "check that the disk is not full and try again");
  } catch (...) {
    throw WriteError(path.string(), "cannot be written", "try again");
  }
}

}  // namespace

void write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  prepare_writing(path);
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
  prepare_writing(path);
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
  const FileDescriptor open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open.get() < 0) fail_writing(folder, errno);
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

void remove_leftovers(const fs::path& folder, const std::set<std::string>& names, Writer writer) {
  std::set<std::string> stems;
  for (const std::string& name : names) stems.insert(temporary_stem(name));
  remove_leftovers(folder, [&](const std::string& stem) { return stems.contains(stem) ? writer : Writer::nobody; });
}

void require_name_fits(const fs::path& path) {
  const std::size_t length = path.filename().string().size(), most = longest_name(path.parent_path());
  if (length > most)
    throw Error(path.string(), fmt::format("the file's name has {} bytes, the disk allows {}", length, most),
                "choose a shorter name");
}

void require_writable_file(const fs::path& path) {
  prepare_target(path);
  if (std::error_code ignored; fs::is_directory(path, ignored))
    throw Error(path.string(), "is a folder, not a file", "choose another name");
  require_writable_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

PendingFile::PendingFile(const fs::path& path) : path_(path) {
  prepare_writing(path);
  temporary_ = temporary_name(path);
  file_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file_ < 0) fail_writing(path, errno);
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      file_(std::exchange(other.file_, -1)),
      mapped_(std::exchange(other.mapped_, {})) {}

PendingFile::~PendingFile() {
  unmap();
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

std::span<std::byte> PendingFile::map(std::size_t size) {
  // A page without room on the disk would end the program when it is written.
  if (const int reason = ::posix_fallocate(file_, 0, static_cast<off_t>(size)); reason != 0)
    fail_writing(path_, reason);
  void* begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (begin == MAP_FAILED) fail_writing(path_, errno);
  unmap();
  mapped_ = {static_cast<std::byte*>(begin), size};
  return mapped_;
}

void PendingFile::rest() const {
  if (!mapped_.empty()) ::madvise(mapped_.data(), mapped_.size(), MADV_DONTNEED);
}

void PendingFile::unmap() {
  if (!mapped_.empty()) ::munmap(mapped_.data(), mapped_.size());
  mapped_ = {};
}

void PendingFile::commit() {
  unmap();
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
    throw WriteError(folder.string(), "the folder cannot be made: " + failure.message(),
                     writing_remedy(failure.value()));
  }
  const fs::path trial = temporary_name(folder / trial_name);
  const int file = ::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) {
    const int code = errno;
    throw WriteError(folder.string(), "the folder is not writable: " + system_reason(code), writing_remedy(code));
  }
  ::close(file);
  ::unlink(trial.c_str());
}

}  // namespace nnunet
