#include "zip_writer.h"

#include <libdeflate.h>

#include <limits>

// Layout: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end).
namespace nnunet {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMost16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kZip64Version = 45, kPlainVersion = 20;
/// Tag of the extra field that only fills up to the alignment; torch.save uses the same ("FB").
constexpr std::uint64_t kPadding = 0x4246;
constexpr std::uint64_t kZip64Extra = 0x0001;
/// 1980-01-01, the format's first day: equal contents give equal files.
constexpr std::uint64_t kDate = 0x0021;

class Fields {
 public:
  Fields& u16(std::uint64_t value) { return put(value, 2); }
  Fields& u32(std::uint64_t value) { return put(value, 4); }
  Fields& u64(std::uint64_t value) { return put(value, 8); }
  Fields& text(const std::string& value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Fields& put(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xffU);
    return *this;
  }
  std::string bytes_;
};

std::uint64_t capped(std::uint64_t value) {
  return std::min(value, kMost32);
}

}  // namespace

void ZipWriter::write(const std::string& bytes) {
  to_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  position_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::span<const std::byte> content) {
  const std::uint64_t size = content.size();
  const bool large = size >= kMost32;
  Entry entry{name, position_, size, libdeflate_crc32(0, content.data(), content.size())};
  Fields extra;
  if (large) extra.u16(kZip64Extra).u16(16).u64(size).u64(size);
  const std::uint64_t unpadded = position_ + 30 + name.size() + extra.bytes().size() + 4;
  const std::uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  extra.u16(kPadding).u16(padding).text(std::string(padding, 'Z'));

  Fields header;
  header.u32(0x04034b50).u16(large ? kZip64Version : kPlainVersion).u16(0).u16(0).u16(0).u16(kDate).u32(entry.crc);
  header.u32(large ? kMost32 : size).u32(large ? kMost32 : size).u16(name.size()).u16(extra.bytes().size());
  write(header.text(name).text(extra.bytes()).bytes());
  to_.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(size));
  position_ += size;
  entries_.push_back(std::move(entry));
}

void ZipWriter::finish() {
  const std::uint64_t start = position_;
  for (const Entry& e : entries_) {
    Fields wide;
    if (e.size >= kMost32) wide.u64(e.size).u64(e.size);
    if (e.header >= kMost32) wide.u64(e.header);
    Fields extra;
    if (!wide.bytes().empty()) extra.u16(kZip64Extra).u16(wide.bytes().size()).text(wide.bytes());
    const std::uint64_t version = wide.bytes().empty() ? kPlainVersion : kZip64Version;
    Fields f;
    f.u32(0x02014b50).u16(version).u16(version).u16(0).u16(0).u16(0).u16(kDate).u32(e.crc);
    f.u32(capped(e.size)).u32(capped(e.size)).u16(e.name.size()).u16(extra.bytes().size()).u16(0).u16(0).u16(0).u32(0);
    write(f.u32(capped(e.header)).text(e.name).text(extra.bytes()).bytes());
  }
  const std::uint64_t end = position_, size = end - start, count = entries_.size();
  Fields f;
  if (count >= kMost16 || size >= kMost32 || start >= kMost32) {
    f.u32(0x06064b50).u64(44).u16(kZip64Version).u16(kZip64Version).u32(0).u32(0);
    f.u64(count).u64(count).u64(size).u64(start);
    f.u32(0x07064b50).u32(0).u64(end).u32(1);
  }
  const std::uint64_t few = std::min(count, kMost16);
  write(f.u32(0x06054b50).u16(0).u16(0).u16(few).u16(few).u32(capped(size)).u32(capped(start)).u16(0).bytes());
}

}  // namespace nnunet
