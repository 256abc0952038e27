#include "tiff_packing.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

constexpr std::uint64_t kNone = 1, kLzw = 5, kDeflate = 8, kOldDeflate = 32946, kPackBits = 32773;
/// More than any of them packs into a byte.
constexpr std::size_t kLargestRatio = 4096;

[[noreturn]] void fail_truncated(const std::string& name) {
  throw Error(name, "a strip or tile of it is truncated or corrupt", "fetch or write the file again");
}

/// As far as the data go.
std::size_t inflate_to(std::span<const std::byte> packed, std::span<std::byte> to) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  std::size_t read = 0, written = 0;
  const auto clamp = [](std::size_t n) {
    return static_cast<uInt>(std::min<std::size_t>(n, std::numeric_limits<uInt>::max() / 2));
  };
  for (int code = Z_OK; code == Z_OK && written < to.size();) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + read));
    stream.next_out = reinterpret_cast<Bytef*>(to.data() + written);
    const uInt in = clamp(packed.size() - read), out = clamp(to.size() - written);
    stream.avail_in = in, stream.avail_out = out;
    code = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in, written += out - stream.avail_out;
  }
  inflateEnd(&stream);
  return written;
}

std::size_t unpack_bits(std::span<const std::byte> packed, std::span<std::byte> to) {
  std::size_t read = 0, written = 0;
  while (read < packed.size() && written < to.size()) {
    const auto n = static_cast<std::int8_t>(packed[read++]);
    if (n == -128) continue;
    const std::size_t wanted = n >= 0 ? static_cast<std::size_t>(n) + 1 : static_cast<std::size_t>(1 - n);
    const std::size_t count = std::min(wanted, to.size() - written);
    if (n >= 0) {
      if (packed.size() - read < count) break;
      std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(read), count,
                  to.begin() + static_cast<std::ptrdiff_t>(written));
      read += wanted;
    } else {
      if (read == packed.size()) break;
      std::fill_n(to.begin() + static_cast<std::ptrdiff_t>(written), count, packed[read++]);
    }
    written += count;
  }
  return written;
}

/// TIFF's LZW: codes from the high bits, widened one code early.
class Lzw {
 public:
  explicit Lzw(std::span<const std::byte> packed) : packed_(packed) {}

  std::size_t unpack(std::span<std::byte> to) {
    constexpr unsigned kClear = 256, kEnd = 257;
    constexpr unsigned kNobody = kEnd;
    unsigned before = kNobody;
    std::size_t written = 0;
    while (written < to.size()) {
      const unsigned code = next();
      if (code == kEnd) break;
      if (code == kClear) {
        count_ = kEnd + 1, width_ = 9, before = kNobody;
        continue;
      }
      if (before == kNobody) {
        if (code > 255) break;
        written += put(code, to.subspan(written));
      } else {
        if (code > count_ || (code == count_ && count_ == kTable)) break;
        // A code that is only now coming to be: the word before and its own first byte.
        const std::byte first = code < count_ ? first_of(code) : first_of(before);
        if (count_ < kTable) add(before, first);
        written += put(code, to.subspan(written));
      }
      before = code;
    }
    return written;
  }

 private:
  static constexpr unsigned kTable = 4096;

  unsigned next() {
    while (held_ < width_) {
      if (read_ == packed_.size()) return 257;
      bits_ = bits_ << 8 | std::to_integer<std::uint32_t>(packed_[read_++]);
      held_ += 8;
    }
    held_ -= width_;
    return bits_ >> held_ & ((1U << width_) - 1);
  }
  std::byte first_of(unsigned code) const { return code < 256 ? static_cast<std::byte>(code) : first_[code]; }
  unsigned length_of(unsigned code) const { return code < 256 ? 1 : length_[code]; }
  void add(unsigned before, std::byte last) {
    before_[count_] = static_cast<std::uint16_t>(before);
    first_[count_] = first_of(before), last_[count_] = last;
    length_[count_] = static_cast<std::uint16_t>(length_of(before) + 1);
    ++count_;
    if (count_ + 1 >= 1U << width_ && width_ < 12) ++width_;
  }
  /// The word of a code, as far as there is room.
  std::size_t put(unsigned code, std::span<std::byte> to) const {
    const std::size_t length = length_of(code);
    for (std::size_t i = length; i > 0; --i) {
      if (i <= to.size()) to[i - 1] = code < 256 ? static_cast<std::byte>(code) : last_[code];
      if (code >= 256) code = before_[code];
    }
    return std::min(length, to.size());
  }

  std::span<const std::byte> packed_;
  std::size_t read_ = 0;
  std::uint32_t bits_ = 0;
  unsigned held_ = 0, width_ = 9, count_ = 258;
  std::array<std::uint16_t, kTable> before_{}, length_{};
  std::array<std::byte, kTable> first_{}, last_{};
};

}  // namespace

std::vector<std::byte> unpack_tiff(std::span<const std::byte> packed, std::uint64_t compression, std::size_t size,
                                   const std::string& name) {
  if (compression != kNone && compression != kLzw && compression != kDeflate && compression != kOldDeflate &&
      compression != kPackBits)
    throw Error(name, fmt::format("is packed by TIFF's method {}, which is not supported", compression),
                "write it with deflate packing, or none");
  if (size / kLargestRatio > packed.size() || (compression == kNone && packed.size() < size)) fail_truncated(name);
  if (compression == kNone) return {packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size)};
  if (compression == kLzw && packed.size() > 1 && packed[0] == std::byte{0} &&
      (packed[1] & std::byte{1}) != std::byte{0})
    throw Error(name, "is packed by LZW in the order of TIFF 5, which is not supported",
                "write it with deflate packing");
  std::vector<std::byte> content(size);
  const std::size_t written = compression == kLzw        ? Lzw(packed).unpack(content)
                              : compression == kPackBits ? unpack_bits(packed, content)
                                                         : inflate_to(packed, content);
  if (written < size) fail_truncated(name);
  return content;
}

}  // namespace nnunet
