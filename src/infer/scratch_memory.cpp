#include "scratch_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

[[noreturn]] void fail(const std::filesystem::path& folder, std::size_t bytes, int reason) {
  throw Error(folder.string(),
              fmt::format("cannot take a scratch file of {} MiB: {}", bytes >> 20,
                          std::error_code(reason, std::generic_category()).message()),
              "name a folder with room (TMPDIR does), or keep the sums in memory");
}

class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  int get() const { return file_; }

 private:
  int file_;
};

/// A new file that has lost its name.
int open_unnamed(const std::filesystem::path& folder) {
  std::string name = (folder / "nnunet-scratch-XXXXXX").string();
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

}  // namespace

std::shared_ptr<std::byte[]> scratch_memory(const std::filesystem::path& folder, std::size_t bytes) {
  const OpenFile file(open_unnamed(folder));
  if (file.get() < 0) fail(folder, bytes, errno);
  // Now: a full disk would end the program when a page is written.
  if (const int reason = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)); reason != 0)
    fail(folder, bytes, reason);
  void* map = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) fail(folder, bytes, errno);
  ::madvise(map, bytes, MADV_NOHUGEPAGE);  // large pages would come back as a whole with each line
  return {static_cast<std::byte*>(map), [bytes](std::byte* begin) { ::munmap(begin, bytes); }};
}

void let_memory_go(void* begin, std::int64_t bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(begin), last = first + static_cast<std::uintptr_t>(bytes);
  const std::uintptr_t from = (first + page - 1) / page * page, to = last / page * page;
  if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

}  // namespace nnunet
