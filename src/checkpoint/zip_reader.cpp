#include "zip_reader.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"

namespace nnunet {

namespace {

// Record signatures and sizes of the zip format (APPNOTE.TXT 6.3, sections 4.3.7 to 4.3.16).
constexpr std::uint32_t kLocalHeader = 0x04034b50, kDirectoryHeader = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::uint64_t kLocalHeaderSize = 30, kDirectoryHeaderSize = 46, kEndSize = 22, kEnd64Size = 56,
                        kEnd64LocatorSize = 20, kMaxComment = 65535;
constexpr std::uint32_t kIn64 = 0xffffffff;
constexpr std::uint16_t kStored = 0, kDeflated = 8, kEncrypted = 1;
constexpr const char* kRemedy = "copy or download the file again, or use another checkpoint";

/// Little-endian number of sizeof(T) bytes at `offset`; the caller has checked the range.
template <class T>
T number(std::span<const std::byte> bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value |
                           static_cast<T>(static_cast<T>(std::to_integer<std::uint8_t>(bytes[offset + i])) << (8 * i)));
  return value;
}

/// Replaces those of the three numbers that say "see the zip64 field"; false when the field is missing.
bool read_zip64(std::span<const std::byte> extra, std::uint64_t& size, std::uint64_t& packed, std::uint64_t& header) {
  std::array<std::uint64_t*, 3> wanted{size == kIn64 ? &size : nullptr, packed == kIn64 ? &packed : nullptr,
                                       header == kIn64 ? &header : nullptr};
  if (std::ranges::all_of(wanted, [](auto* p) { return p == nullptr; })) return true;
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const auto id = number<std::uint16_t>(extra, at);
    const std::size_t length = number<std::uint16_t>(extra, at + 2);
    at += 4;
    if (length > extra.size() - at) return false;
    if (id == 1) {
      std::size_t used = 0;
      for (auto* target : wanted) {
        if (target == nullptr) continue;
        if (used + 8 > length) return false;
        *target = number<std::uint64_t>(extra, at + used);
        used += 8;
      }
      return true;
    }
    at += length;
  }
  return false;
}

}  // namespace

ZipReader::ZipReader(std::shared_ptr<const ByteSource> bytes) : bytes_(std::move(bytes)), file_size_(bytes_->size()) {
  read_directory(find_directory());
}

void ZipReader::corrupt(const std::string& problem) const {
  throw Error(bytes_->name(), "the file is corrupt or truncated: " + problem, kRemedy);
}

void ZipReader::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > file_size_ || out.size() > file_size_ - offset) corrupt("it ends too early");
  bytes_->read(offset, out);
}

std::vector<std::byte> ZipReader::bytes_at(std::uint64_t offset, std::uint64_t count) const {
  if (offset > file_size_ || count > file_size_ - offset) corrupt("it ends too early");
  std::vector<std::byte> bytes(count);
  read_at(offset, bytes);
  return bytes;
}

ZipReader::Directory ZipReader::find_directory() const {
  const auto start = bytes_at(0, std::min<std::uint64_t>(4, file_size_));
  if (start.size() < 4 || number<std::uint32_t>(start, 0) != kLocalHeader)
    throw Error(bytes_->name(), "this is not a file written by torch.save (no zip archive)",
                "give a checkpoint (.ckpt, .pt, .pth)");

  const std::uint64_t tail_size = std::min(file_size_, kEndSize + kMaxComment);
  const std::uint64_t tail_start = file_size_ - tail_size;
  const auto tail = bytes_at(tail_start, tail_size);
  for (std::uint64_t i = tail_size >= kEndSize ? tail_size - kEndSize + 1 : 0; i-- > 0;) {
    if (number<std::uint32_t>(tail, i) != kEnd) continue;
    Directory found{number<std::uint16_t>(tail, i + 10), number<std::uint32_t>(tail, i + 16),
                    number<std::uint32_t>(tail, i + 12)};
    const std::uint64_t end = tail_start + i;
    if (end >= kEnd64LocatorSize) {
      const auto locator = bytes_at(end - kEnd64LocatorSize, kEnd64LocatorSize);
      if (number<std::uint32_t>(locator, 0) == kEnd64Locator) {
        const auto end64 = bytes_at(number<std::uint64_t>(locator, 8), kEnd64Size);
        if (number<std::uint32_t>(end64, 0) != kEnd64) corrupt("its directory is damaged");
        found = {number<std::uint64_t>(end64, 32), number<std::uint64_t>(end64, 48), number<std::uint64_t>(end64, 40)};
      }
    }
    return found;
  }
  corrupt("its directory is missing");
}

void ZipReader::read_directory(const Directory& directory) {
  if (directory.size > limits::zip_directory_bytes || directory.entries > directory.size / kDirectoryHeaderSize)
    corrupt("its directory has an absurd size");
  const auto bytes = bytes_at(directory.offset, directory.size);
  const std::span<const std::byte> all(bytes);
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (all.size() - at < kDirectoryHeaderSize || number<std::uint32_t>(all, at) != kDirectoryHeader)
      corrupt("its directory is damaged");
    Entry entry{number<std::uint32_t>(all, at + 42), number<std::uint32_t>(all, at + 24),
                number<std::uint32_t>(all, at + 20), number<std::uint32_t>(all, at + 16),
                number<std::uint16_t>(all, at + 10), number<std::uint16_t>(all, at + 8)};
    const std::uint64_t name_length = number<std::uint16_t>(all, at + 28),
                        extra_length = number<std::uint16_t>(all, at + 30),
                        comment_length = number<std::uint16_t>(all, at + 32);
    at += kDirectoryHeaderSize;
    if (all.size() - at < name_length + extra_length + comment_length) corrupt("its directory is damaged");
    std::string name(reinterpret_cast<const char*>(all.data() + at), name_length);
    if (!read_zip64(all.subspan(at + name_length, extra_length), entry.size, entry.packed, entry.header))
      corrupt("its directory is damaged");
    at += name_length + extra_length + comment_length;
    if (entry.method == kStored && entry.size != entry.packed) corrupt("its directory is damaged");
    if (entry.packed > file_size_ || entry.header > file_size_)
      corrupt(fmt::format("entry {} lies outside of it", name));
    if (!entries_.emplace(name, entry).second) corrupt(fmt::format("entry {} occurs twice", name));
    names_.push_back(std::move(name));
  }
}

const ZipReader::Entry& ZipReader::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) corrupt(fmt::format("entry {} is missing", name));
  return found->second;
}

const ZipReader::Entry& ZipReader::stored_entry(const std::string& name) const {
  const Entry& found = entry(name);
  if (found.method != kStored)
    throw Error(bytes_->name(), fmt::format("entry {} is compressed, which torch.save never does", name),
                "load it in Python and write it again with torch.save");
  return found;
}

std::uint64_t ZipReader::size(const std::string& name) const {
  return stored_entry(name).size;
}

// The local extra field may differ from the directory's: it holds the padding that aligns the data.
std::uint64_t ZipReader::content_at(const std::string& name, const Entry& entry) const {
  const auto header = bytes_at(entry.header, kLocalHeaderSize);
  if (number<std::uint32_t>(header, 0) != kLocalHeader) corrupt(fmt::format("entry {} is damaged", name));
  return entry.header + kLocalHeaderSize + number<std::uint16_t>(header, 26) + number<std::uint16_t>(header, 28);
}

void ZipReader::read(const std::string& name, std::span<std::byte> out) const {
  const Entry& e = stored_entry(name);
  if (out.size() != e.size) corrupt(fmt::format("entry {} has another size", name));
  read_at(content_at(name, e), out);
  if (libdeflate_crc32(0, out.data(), out.size()) != e.crc) corrupt(fmt::format("entry {} has a wrong checksum", name));
}

std::shared_ptr<const ByteSource> ZipReader::open(const std::string& name) const {
  const Entry& e = entry(name);
  const std::string whole_name = fmt::format("{}:{}", bytes_->name(), name);
  if ((e.flags & kEncrypted) != 0) throw Error(whole_name, "it is encrypted", "unpack it and give the folder");
  if (e.method != kStored && e.method != kDeflated)
    throw Error(whole_name, fmt::format("it is packed by the method {}, which is not known", e.method),
                "unpack it and give the folder");
  const std::uint64_t start = content_at(name, e);
  if (start > file_size_ || e.packed > file_size_ - start) corrupt(fmt::format("entry {} lies outside of it", name));
  if (e.method == kStored) return part_of(bytes_, start, e.size, whole_name);
  if (e.size / limits::deflate_ratio > e.packed ||
      (e.size > limits::archive_bytes && e.size / limits::archive_ratio > e.packed))
    corrupt(fmt::format("entry {} would unpack to far more than it holds", name));
  return inflated(*part_of(bytes_, start, e.packed, whole_name), e.size, e.crc, whole_name);
}

std::string ZipReader::read_text(const std::string& name, std::uint64_t limit) const {
  if (size(name) > limit) corrupt(fmt::format("entry {} has an absurd size", name));
  std::string text(size(name), '\0');
  read(name, std::as_writable_bytes(std::span(text.data(), text.size())));
  return text;
}

}  // namespace nnunet
