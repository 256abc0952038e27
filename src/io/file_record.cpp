#include "nnunet/io/file_record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "nnunet/core/error.h"
#include "posix_file.h"

// How a change is found. In most runs nothing has changed, so the first question costs one `stat` a file: same size and
// time of modification, and nobody has touched the file (its ctime, which no program can set) since the output was
// made. A file touched since with size and time kept (`cp -p`, `rsync -t`, an unpacked archive) is sampled: a few
// blocks from the first to the last, the latter of a .nii.gz holding a checksum of its whole content. A file of the
// same size with another time of modification is read: a dataset that was copied has other times and the same content.

namespace nnunet {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;  // odd: each step is a bijection of digest and word
constexpr std::size_t kBlock = 4096, kSamples = 8, kChunk = std::size_t{1} << 20;

std::uint64_t step(std::uint64_t digest, std::uint64_t word) {
  digest = (digest ^ word) * kSpread;
  return digest ^ (digest >> 29);
}

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
std::uint64_t sample_digest(std::uint64_t size, const Block& block) {
  const std::uint64_t last = size > kBlock ? size - kBlock : 0;  // where the last block begins
  const std::uint64_t count = last == 0 ? 1 : kSamples;
  std::uint64_t digest = size;
  for (std::uint64_t i = 0; i < count; ++i)
    digest = content_digest(block(i + 1 == count ? last : last / (kSamples - 1) * i), digest);
  return digest;
}

std::uint64_t sample_digest(const FileDescriptor& file, std::uint64_t size, const fs::path& path) {
  std::array<std::byte, kBlock> block;
  return sample_digest(size, [&](std::uint64_t offset) { return read_at(file, offset, block, path); });
}

std::uint64_t whole_digest(const FileDescriptor& file, std::uint64_t size, const fs::path& path) {
  std::vector<std::byte> chunk(static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunk)));
  std::uint64_t digest = size;
  for (std::uint64_t at = 0; at < size || at == 0; at += kChunk)
    digest = content_digest(read_at(file, at, chunk, path), digest);
  return digest;
}

struct stat status_of(const FileDescriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    throw Error(path.string(), "cannot be read: " + system_reason(errno), "check the disk");
  return status;
}

}  // namespace

std::uint64_t content_digest(std::span<const std::byte> bytes, std::uint64_t seed) {
  // Four lanes, so that the multiplications do not wait for each other.
  std::array<std::uint64_t, 4> lanes{seed + 1, seed + 2, seed + 3, seed + 4};
  std::array<std::uint64_t, 4> words;
  std::size_t i = 0;
  for (; i + sizeof(words) <= bytes.size(); i += sizeof(words)) {
    std::memcpy(words.data(), bytes.data() + i, sizeof(words));
    for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] = step(lanes[k], words[k]);
  }
  words = {};
  if (i < bytes.size()) std::memcpy(words.data(), bytes.data() + i, bytes.size() - i);
  for (std::size_t k = 0; k < lanes.size(); ++k) lanes[k] = step(lanes[k], words[k]);
  std::uint64_t digest = step(kSpread, bytes.size());
  for (const std::uint64_t lane : lanes) digest = step(digest, lane);
  return digest;
}

std::uint64_t sample_digest(const fs::path& path) {
  const FileDescriptor file = open_for_reading(path);
  return sample_digest(file, static_cast<std::uint64_t>(status_of(file, path).st_size), path);
}

FileRecord record_file(const fs::path& path) {
  const FileDescriptor file = open_for_reading(path);
  const struct stat status = status_of(file, path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  FileRecord record{size, modified(status), 0, 0};
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
    record.content = content_digest(all, size);
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
    if (sample_digest(file, record.size, path) != record.sample) return std::nullopt;
    if (same_time) return record;
    const struct stat before = status_of(file, path);
    if (whole_digest(file, record.size, path) != record.content) return std::nullopt;
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
  return fmt::format("{} {} {:016x} {:016x}", r.size, r.modified, r.sample, r.content);
}

std::optional<FileRecord> parse_file_record(const std::string& text) {
  FileRecord r;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto take = [&](auto& value, int base) {
    if (at == nullptr) return;
    if (at != text.data() && at != end) ++at;  // the space
    const auto [next, failure] = std::from_chars(at, end, value, base);
    at = failure == std::errc() ? next : nullptr;
  };
  take(r.size, 10);
  take(r.modified, 10);
  take(r.sample, 16);
  take(r.content, 16);
  if (at != end || record_text(r) != text) return std::nullopt;
  return r;
}

}  // namespace nnunet
