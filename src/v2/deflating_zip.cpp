#include "deflating_zip.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/regular_file.h"

// Layout: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end).
namespace nnunet::v2 {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max(),
                        kMost16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kVersion = 20, kWideVersion = 45, kUnix = 3, kDeflated = 8, kUtf8Names = 1U << 11;
/// 1980-01-01, the format's first day: equal contents give equal files.
constexpr std::uint64_t kDate = 0x0021;
constexpr std::uint64_t kPlainFile = 0100644;
/// Tags of extra fields. A header is written before its sizes are known: it keeps room for large ones.
constexpr std::uint64_t kZip64 = 1, kPadding = 0x4246;

std::string little_endian(std::initializer_list<std::pair<std::uint64_t, int>> fields) {
  std::string bytes;
  for (const auto& [value, width] : fields)
    for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
  return bytes;
}

/// A block by itself: the next one begins at a byte and looks back at nothing.
std::string deflated(std::string_view block, bool last) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string packed(deflateBound(&stream, static_cast<uLong>(block.size())) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
  stream.avail_in = static_cast<uInt>(block.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int code = deflate(&stream, last ? Z_FINISH : Z_FULL_FLUSH);
  packed.erase(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  if (code != (last ? Z_STREAM_END : Z_OK)) throw Error("deflate", "a block could not be packed");
  return packed;
}

}  // namespace

DeflatingZip::DeflatingZip(const std::filesystem::path& path, int threads)
    : file_(path), threads_(std::max(threads, 1)) {}

void DeflatingZip::put(const std::string& bytes) {
  file_.write(position_, std::as_bytes(std::span(bytes.data(), bytes.size())));
  position_ += bytes.size();
}

void DeflatingZip::begin(const std::string& name) {
  entries_.push_back({name, position_, 0, 0, 0});
  position_ += 30 + name.size() + 20;  // the header, written when the sizes are known
}

void DeflatingZip::write(std::span<const std::byte> content) {
  Entry& entry = entries_.back();
  entry.size += content.size();
  entry.crc = static_cast<std::uint32_t>(
      crc32_z(entry.crc, reinterpret_cast<const Bytef*>(content.data()), static_cast<z_size_t>(content.size())));
  while (!content.empty()) {
    const std::size_t room = kBlock * static_cast<std::size_t>(threads_) - waiting_.size();
    const auto part = content.first(std::min(room, content.size()));
    waiting_.append(reinterpret_cast<const char*>(part.data()), part.size());
    content = content.subspan(part.size());
    if (part.size() == room) pack(false);
  }
}

void DeflatingZip::pack(bool last) {
  const std::size_t count =
      last ? std::max<std::size_t>(1, (waiting_.size() + kBlock - 1) / kBlock) : waiting_.size() / kBlock;
  std::vector<std::string> packed(count);
  parallel_for(static_cast<std::int64_t>(count), threads_, [&](std::int64_t at) {
    const auto i = static_cast<std::size_t>(at);
    packed[i] = deflated(std::string_view(waiting_).substr(i * kBlock, kBlock), last && i + 1 == count);
  });
  for (const std::string& block : packed) {
    entries_.back().packed += block.size();
    put(block);
  }
  waiting_.clear();
}

void DeflatingZip::end() {
  pack(true);
  const Entry& e = entries_.back();
  const bool wide = e.size >= kMost32 || e.packed >= kMost32;
  const std::string header =
      little_endian({{0x04034b50, 4},
                     {wide ? kWideVersion : kVersion, 2},
                     {kUtf8Names, 2},
                     {kDeflated, 2},
                     {0, 2},
                     {kDate, 2},
                     {e.crc, 4},
                     {wide ? kMost32 : e.packed, 4},
                     {wide ? kMost32 : e.size, 4},
                     {e.name.size(), 2},
                     {20, 2}}) +
      e.name +
      little_endian({{wide ? kZip64 : kPadding, 2}, {16, 2}, {wide ? e.size : 0, 8}, {wide ? e.packed : 0, 8}});
  file_.write(e.header, std::as_bytes(std::span(header.data(), header.size())));
}

void DeflatingZip::add_file(const std::string& name, const std::filesystem::path& file) {
  require_regular_file(file);
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(file.string(), std::strerror(errno), "check the path and its permissions");
  begin(name);
  std::string buffer(4 * kBlock, '\0');
  do {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    write(std::as_bytes(std::span(buffer.data(), static_cast<std::size_t>(in.gcount()))));
  } while (in);
  if (in.bad()) throw Error(file.string(), "reading failed", "check the disk");
  end();
}

void DeflatingZip::put_directory_entry(const Entry& e) {
  std::string wide;
  for (const std::uint64_t value : {e.size, e.packed, e.header})
    if (value >= kMost32) wide += little_endian({{value, 8}});
  const std::string extra = wide.empty() ? "" : little_endian({{kZip64, 2}, {wide.size(), 2}}) + wide;
  const std::uint64_t version = wide.empty() ? kVersion : kWideVersion;
  put(little_endian({{0x02014b50, 4},
                     {kUnix << 8U | version, 2},
                     {version, 2},
                     {kUtf8Names, 2},
                     {kDeflated, 2},
                     {0, 2},
                     {kDate, 2},
                     {e.crc, 4},
                     {std::min(e.packed, kMost32), 4},
                     {std::min(e.size, kMost32), 4},
                     {e.name.size(), 2},
                     {extra.size(), 2},
                     {0, 2},
                     {0, 2},
                     {0, 2},
                     {kPlainFile << 16U, 4},
                     {std::min(e.header, kMost32), 4}}) +
      e.name + extra);
}

void DeflatingZip::commit() {
  const std::uint64_t start = position_, count = entries_.size();
  for (const Entry& e : entries_) put_directory_entry(e);
  const std::uint64_t end = position_, size = end - start;
  if (count >= kMost16 || size >= kMost32 || start >= kMost32)
    put(little_endian({{0x06064b50, 4},
                       {44, 8},
                       {kWideVersion, 2},
                       {kWideVersion, 2},
                       {0, 4},
                       {0, 4},
                       {count, 8},
                       {count, 8},
                       {size, 8},
                       {start, 8},
                       {0x07064b50, 4},
                       {0, 4},
                       {end, 8},
                       {1, 4}}));
  put(little_endian({{0x06054b50, 4},
                     {0, 2},
                     {0, 2},
                     {std::min(count, kMost16), 2},
                     {std::min(count, kMost16), 2},
                     {std::min(size, kMost32), 4},
                     {std::min(start, kMost32), 4},
                     {0, 2}}));
  file_.commit();
}

}  // namespace nnunet::v2
