#include "nnunet/io/file_record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/earlier_digest.h"
#include "posix_file.h"

// How a change is found. In most runs nothing has changed, so the first question costs one `stat` a file: same size and
// time of modification, and nobody has touched the file (its ctime, which no program can set) since the output was
// made. A file touched since with size and time kept (`cp -p`, `rsync -t`, an unpacked archive) is sampled: a few
// blocks from the first to the last, the latter of a .nii.gz holding a checksum of its whole content. A file of the
// same size with another time of modification is read: a dataset that was copied has other times and the same content.

namespace nnunet {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBlock = 4096, kSamples = 8, kChunk = std::size_t{1} << 20;

/// The digest of a file's blocks, in the form of a recorded one.
class BlockDigest {
 public:
  BlockDigest(std::uint64_t size, bool earlier) : earlier_(earlier), value_(size) {}
  void add(std::span<const std::byte> block) {
    if (earlier_)
      value_ = earlier_digest(block, value_);
    else
      digest_.add(block);
  }
  std::string hex() { return earlier_ ? fmt::format("{:016x}", value_) : digest_.hex(); }

 private:
  bool earlier_;
  std::uint64_t value_;
  Digest digest_;
};

std::int64_t nanoseconds(const struct timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

#ifdef __APPLE__
std::int64_t modified(const struct stat& s) {
  return nanoseconds(s.st_mtimespec);
}
std::int64_t touched(const struct stat& s) {
  return nanoseconds(s.st_ctimespec);
}
#else
std::int64_t modified(const struct stat& s) {
  return nanoseconds(s.st_mtim);
}
std::int64_t touched(const struct stat& s) {
  return nanoseconds(s.st_ctim);
}
#endif

/// Bytes from there on, fewer at the file's end.
std::span<const std::byte> read_at(const FileDescriptor& file, std::uint64_t offset, std::span<std::byte> to,
                                   const fs::path& path) {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t n = ::pread(file.get(), to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(path.string(), "cannot be read: " + system_reason(errno), "check the disk");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return to.first(done);
}

/// block: gives the bytes from an offset on, at most kBlock.
template <class Block>
std::string sample_digest(std::uint64_t size, const Block& block, bool earlier = false) {
  const std::uint64_t last = size > kBlock ? size - kBlock : 0;  // where the last block begins
  const std::uint64_t count = last == 0 ? 1 : kSamples;
  BlockDigest digest(size, earlier);
  for (std::uint64_t i = 0; i < count; ++i) digest.add(block(i + 1 == count ? last : last / (kSamples - 1) * i));
  return digest.hex();
}

std::string sample_digest(const FileDescriptor& file, std::uint64_t size, const fs::path& path, bool earlier = false) {
  std::array<std::byte, kBlock> block;
  return sample_digest(
      size, [&](std::uint64_t offset) { return read_at(file, offset, block, path); }, earlier);
}

std::string whole_digest(const FileDescriptor& file, std::uint64_t size, const fs::path& path, bool earlier = false) {
  std::vector<std::byte> chunk(static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunk)));
  BlockDigest digest(size, earlier);
  for (std::uint64_t at = 0; at < size || at == 0; at += kChunk) digest.add(read_at(file, at, chunk, path));
  return digest.hex();
}

struct stat status_of(const FileDescriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    throw Error(path.string(), "cannot be read: " + system_reason(errno), "check the disk");
  return status;
}

}  // namespace

FileRecord record_file(const fs::path& path) {
  const FileDescriptor file = open_for_reading(path);
  const struct stat status = status_of(file, path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  FileRecord record{size, modified(status)};
  if (size > kChunk) {
    record.sample = sample_digest(file, size, path);
    record.content = whole_digest(file, size, path);
  } else {  // the same in one reading
    std::vector<std::byte> chunk(size);
    const std::span<const std::byte> all = read_at(file, 0, chunk, path);
    record.sample = sample_digest(size, [&](std::uint64_t at) {
      const std::size_t begin = std::min<std::size_t>(at, all.size());
      return all.subspan(begin, std::min(kBlock, all.size() - begin));
    });
    record.content = digest_of(all);
  }
  return record;
}

std::optional<FileRecord> unchanged(const fs::path& path, const FileRecord& record, std::int64_t made) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) != record.size)
    return std::nullopt;
  const bool same_time = modified(status) == record.modified;
  if (same_time && touched(status) < made) return record;
  try {
    const FileDescriptor file = open_for_reading(path);
    if (sample_digest(file, record.size, path, is_earlier_digest(record.sample)) != record.sample) return std::nullopt;
    if (same_time) return record;
    const struct stat before = status_of(file, path);
    if (whole_digest(file, record.size, path, is_earlier_digest(record.content)) != record.content) return std::nullopt;
    FileRecord now = record;
    now.modified = modified(before);
    return now;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::int64_t time_of_change(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? modified(status) : 0;
}

std::string record_text(const FileRecord& r) {
  return fmt::format("{} {} {} {}", r.size, r.modified, r.sample, r.content);
}

std::optional<FileRecord> parse_file_record(const std::string& text) {
  FileRecord r;
  std::istringstream fields(text);
  fields >> r.size >> r.modified >> r.sample >> r.content;
  const auto is_digest = [](const std::string& t) {
    return !t.empty() && t.find_first_not_of("0123456789abcdef") == std::string::npos;
  };
  if (!fields || !is_digest(r.sample) || !is_digest(r.content) || record_text(r) != text) return std::nullopt;
  return r;
}

}  // namespace nnunet
