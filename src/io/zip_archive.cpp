#include "nnunet/io/zip_archive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"

// Layout: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end).
namespace nnunet {
namespace {

constexpr std::uint64_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20,
                        kMostComment = 65535, kIn64 = 0xffffffff;
constexpr const char* kRemedy = "copy, download or write the file again";

/// Little-endian number; the caller has checked the range.
std::uint64_t number(std::string_view bytes, std::uint64_t at, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

/// Replaces those numbers that say "see the zip64 field".
void read_zip64(std::string_view extra, ZipEntry& entry) {
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const std::uint64_t id = number(extra, at, 2), length = number(extra, at + 2, 2);
    at += 4;
    if (length > extra.size() - at) return;
    if (id == 1) {
      std::size_t used = 0;
      for (std::uint64_t* const value : {&entry.size, &entry.packed, &entry.header}) {
        if (*value != kIn64 || used + 8 > length) continue;
        *value = number(extra, at + used, 8);
        used += 8;
      }
    }
    at += length;
  }
}

}  // namespace

ZipArchive::ZipArchive(const std::filesystem::path& path, EntryNames names) : path_(path), names_(names) {
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) throw Error(path.string(), std::strerror(errno), "check the path and its permissions");
  try {
    struct stat status {};
    if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode))
      throw Error(path.string(), "this is not a file", "give the path of a file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    read_directory();
  } catch (...) {
    close(file_);
    throw;
  }
}

ZipArchive::~ZipArchive() {
  close(file_);
}

void ZipArchive::corrupt(const std::string& problem) const {
  throw Error(path_.string(), "is no zip file, or a damaged or truncated one: " + problem, kRemedy);
}

void ZipArchive::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) corrupt("it ends too early");
  while (!out.empty()) {
    const ssize_t got =
        pread(file_, out.data(), std::min<std::size_t>(out.size(), 1U << 30), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(path_.string(), std::strerror(errno), "check the disk or the network drive");
    if (got == 0) corrupt("it ends too early");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

std::string ZipArchive::bytes_at(std::uint64_t offset, std::uint64_t count) const {
  if (offset > size_ || count > size_ - offset) corrupt("it ends too early");
  std::string bytes(count, '\0');
  read_at(offset, std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
  return bytes;
}

void ZipArchive::read_directory() {
  const std::uint64_t tail_size = std::min(size_, kEndSize + kMostComment), tail_at = size_ - tail_size;
  const std::string tail = bytes_at(tail_at, tail_size);
  const std::size_t end = tail.rfind("PK\x05\x06");
  if (end == std::string::npos || end + kEndSize > tail.size()) corrupt("its directory is missing");
  std::uint64_t count = number(tail, end + 10, 2), bytes = number(tail, end + 12, 4), at = number(tail, end + 16, 4);
  if (tail_at + end >= kLocatorSize) {
    const std::string locator = bytes_at(tail_at + end - kLocatorSize, kLocatorSize);
    if (locator.starts_with("PK\x06\x07")) {
      const std::string wide = bytes_at(number(locator, 8, 8), kEnd64Size);
      if (!wide.starts_with("PK\x06\x06")) corrupt("its directory is damaged");
      count = number(wide, 32, 8), bytes = number(wide, 40, 8), at = number(wide, 48, 8);
    }
  }
  if (bytes > limits::zip_directory_bytes || count > bytes / kDirectorySize || count > limits::archive_entries)
    corrupt("its directory has an absurd size");
  const std::string directory = bytes_at(at, bytes);
  std::set<std::string> names;
  for (std::uint64_t place = 0; entries_.size() < count;) {
    if (directory.size() - place < kDirectorySize || directory.compare(place, 4, "PK\x01\x02") != 0)
      corrupt("its directory is damaged");
    const std::uint64_t name = number(directory, place + 28, 2), extra = number(directory, place + 30, 2),
                        comment = number(directory, place + 32, 2);
    if (directory.size() - place - kDirectorySize < name + extra + comment) corrupt("its directory is damaged");
    ZipEntry entry{directory.substr(place + kDirectorySize, name),
                   number(directory, place + 42, 4),
                   number(directory, place + 20, 4),
                   number(directory, place + 24, 4),
                   static_cast<std::uint32_t>(number(directory, place + 16, 4)),
                   static_cast<std::uint16_t>(number(directory, place + 10, 2)),
                   static_cast<std::uint16_t>(number(directory, place + 8, 2)),
                   static_cast<std::uint32_t>(number(directory, place + 38, 4) >> 16)};
    read_zip64(std::string_view(directory).substr(place + kDirectorySize + name, extra), entry);
    place += kDirectorySize + name + extra + comment;
    entries_.push_back(std::move(entry));
    const ZipEntry& read = entries_.back();
    if (read.header > size_ || read.packed > size_) corrupt(fmt::format("{} lies outside of it", said(read)));
    if (!names.insert(read.name).second) corrupt(fmt::format("{} occurs twice", said(read)));
  }
}

std::string ZipArchive::said(const ZipEntry& entry) const {
  if (names_ == EntryNames::shown) return "entry " + entry.name;
  return fmt::format("entry {}", &entry - entries_.data() + 1);
}

const ZipEntry& ZipArchive::entry(const std::string& name) const {
  const auto found = std::ranges::find(entries_, name, &ZipEntry::name);
  if (found == entries_.end()) throw Error(path_.string(), fmt::format("holds no {}", name), "is this the right file?");
  return *found;
}

void require_plausible_size(const ZipArchive& zip) {
  std::uint64_t bytes = 0;
  bool too_many = false;
  for (const ZipEntry& entry : zip.entries()) too_many = __builtin_add_overflow(bytes, entry.size, &bytes) || too_many;
  if (too_many ||
      (bytes > limits::archive_bytes && (bytes - limits::archive_bytes) / limits::archive_ratio > zip.file_size()))
    throw Error(zip.path().string(), "it unpacks to far more than it holds itself; nothing was unpacked",
                "use an archive from a source that you trust");
}

struct ZipEntryReader::State {
  const ZipArchive& archive;
  const ZipEntry& entry;
  std::uint64_t at = 0, packed_left = 0, left = 0;
  std::uint32_t crc = 0;
  std::vector<std::byte> buffer = std::vector<std::byte>(std::size_t{1} << 18);
  z_stream stream{};
  bool inflating = false;

  State(const ZipArchive& of, const ZipEntry& one) : archive(of), entry(one) {}
  ~State() {
    if (inflating) inflateEnd(&stream);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void fill() {
    const std::uint64_t count = std::min<std::uint64_t>(buffer.size(), packed_left);
    archive.read_at(at, std::span(buffer).first(count));
    at += count;
    packed_left -= count;
    stream.next_in = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_in = static_cast<uInt>(count);
  }

  void inflate_into(std::span<std::byte> out) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    while (stream.avail_out > 0) {
      if (stream.avail_in == 0 && packed_left > 0) fill();
      const int code = inflate(&stream, Z_NO_FLUSH);
      if (code == Z_STREAM_END && stream.avail_out > 0) broken("it ends too early");
      if (code != Z_OK && code != Z_STREAM_END) broken("its content is damaged");
    }
  }

  [[noreturn]] void broken(const std::string& problem) const {
    archive.corrupt(fmt::format("{}: {}", archive.said(entry), problem));
  }
};

ZipEntryReader::ZipEntryReader(const ZipArchive& archive, const ZipEntry& entry)
    : state_(std::make_unique<State>(archive, entry)) {
  if ((entry.flags & 1U) != 0)
    throw Error(archive.path().string(), archive.said(entry) + " is encrypted",
                "unpack it with its password, and give what was in it");
  if (entry.method != 0 && entry.method != 8)
    throw Error(archive.path().string(),
                fmt::format("{} is packed by method {}, which is not known", archive.said(entry), entry.method),
                "pack it with deflate");
  if (entry.method == 0 && entry.packed != entry.size) state_->broken("its two sizes differ");
  if (entry.size / limits::deflate_ratio > entry.packed) state_->broken("it cannot hold what it promises");
  const std::string header = archive.bytes_at(entry.header, kLocalSize);
  if (!header.starts_with("PK\x03\x04")) state_->broken("its header is damaged");
  state_->at = entry.header + kLocalSize + number(header, 26, 2) + number(header, 28, 2);
  state_->packed_left = entry.packed;
  state_->left = entry.size;
  if (entry.method == 8) {
    if (inflateInit2(&state_->stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    state_->inflating = true;
  }
}

ZipEntryReader::~ZipEntryReader() = default;
ZipEntryReader::ZipEntryReader(ZipEntryReader&&) noexcept = default;

std::uint64_t ZipEntryReader::left() const {
  return state_->left;
}

void ZipEntryReader::read(std::span<std::byte> out) {
  State& s = *state_;
  if (out.size() > s.left) s.broken("it ends too early");
  while (!out.empty()) {
    const auto part = out.first(std::min<std::size_t>(out.size(), std::size_t{1} << 30));
    if (s.entry.method == 0) {
      s.archive.read_at(s.at, part);
      s.at += part.size();
    } else {
      s.inflate_into(part);
    }
    s.crc = static_cast<std::uint32_t>(
        crc32_z(s.crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<z_size_t>(part.size())));
    s.left -= part.size();
    out = out.subspan(part.size());
  }
  if (s.left == 0 && s.crc != s.entry.crc) s.broken("its checksum is wrong");
}

}  // namespace nnunet
