#include "nnunet/io/gzip.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "deflater.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"

namespace nnunet {

namespace {

constexpr const char* kFetchAgain = "fetch or write the file again";

[[noreturn]] void fail_truncated(const std::string& name) {
  throw Error(name, "the gzip file is truncated", kFetchAgain);
}

[[noreturn]] void fail_corrupt(const std::string& name, const char* reason) {
  throw Error(name, fmt::format("the gzip file is corrupt ({})", reason == nullptr ? "bad data" : reason), kFetchAgain);
}

/// zlib as a stream over all members: slower than libdeflate, but it can stop anywhere and knows what is wrong.
class Inflater {
 public:
  Inflater(std::span<const std::byte> file, const std::string& name) : rest_(file), name_(name) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `to` as far as the content goes; returns the bytes written. finished() tells why it is less.
  std::size_t read(std::span<std::byte> to) {
    std::size_t written = 0;
    while (written < to.size() && !finished_) {
      const std::size_t step = inflate_some(to.subspan(written));
      written += step;
      if (step == 0 && starved_) break;
    }
    return written;
  }
  bool finished() const { return finished_; }  ///< at the end of the last member, its checksum being right
  bool starved() const { return starved_; }    ///< the file ends within a member

 private:
  static uInt clamp(std::size_t n) {
    return static_cast<uInt>(std::min<std::size_t>(n, std::numeric_limits<uInt>::max()));
  }

  std::size_t inflate_some(std::span<std::byte> to) {
    const uInt available = clamp(rest_.size());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
    stream_.avail_in = available;
    stream_.next_out = reinterpret_cast<Bytef*>(to.data());
    stream_.avail_out = clamp(to.size());
    const uInt room = stream_.avail_out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) fail_corrupt(name_, stream_.msg);
    rest_ = rest_.subspan(available - stream_.avail_in);
    starved_ = code != Z_STREAM_END && rest_.empty() && stream_.avail_out > 0;
    if (code == Z_STREAM_END) next_member();
    return room - stream_.avail_out;
  }

  void next_member() {
    if (is_gzip(rest_)) {
      inflateReset(&stream_);
    } else {
      finished_ = true;  // padding, or something that is not ours to read
    }
  }

  z_stream stream_{};
  std::span<const std::byte> rest_;
  const std::string& name_;
  bool finished_ = false, starved_ = false;
};

/// True when libdeflate finds nothing wrong and the content is exactly that long.
bool fast_gunzip(std::span<const std::byte> file, std::span<std::byte> to) {
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!inflater) throw std::bad_alloc();
  while (is_gzip(file)) {
    std::size_t used = 0, written = 0;
    if (libdeflate_gzip_decompress_ex(inflater.get(), file.data(), file.size(), to.data(), to.size(), &used,
                                      &written) != LIBDEFLATE_SUCCESS) {
      return false;
    }
    file = file.subspan(used);
    to = to.subspan(written);
  }
  return to.empty();
}

void slow_gunzip(std::span<const std::byte> file, std::span<std::byte> to, const std::string& name) {
  Inflater inflater(file, name);
  const std::size_t written = inflater.read(to);
  std::vector<std::byte> excess(std::size_t{1} << 16);
  // On to the member's checksum.
  for (std::size_t n = 0; n < limits::gzip_excess && !inflater.finished() && !inflater.starved();)
    n += inflater.read(excess);
  if (inflater.starved()) fail_truncated(name);
  if (written < to.size()) {
    throw Error(name, fmt::format("holds {} bytes, its header promises {}", written, to.size()), kFetchAgain);
  }
}

}  // namespace

bool is_gzip(std::span<const std::byte> file) {
  return file.size() >= 2 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip_start(std::span<const std::byte> file, std::size_t limit, const std::string& name) {
  std::vector<std::byte> start(limit);
  start.resize(Inflater(file, name).read(start));
  return start;
}

Buffer gunzip(std::span<const std::byte> file, std::size_t size, const std::string& name) {
  if (size / limits::deflate_ratio > file.size()) {
    throw Error(
        name,
        fmt::format("its header promises {} bytes, more than a gzip file of {} bytes can hold", size, file.size()),
        kFetchAgain);
  }
  Buffer content(size);
  if (!fast_gunzip(file, content.bytes())) slow_gunzip(file, content.bytes(), name);
  return content;
}

std::vector<std::byte> gzip(std::span<const std::byte> content) {
  const Deflater deflater = deflater_for(content);
  std::vector<std::byte> file(libdeflate_gzip_compress_bound(deflater.get(), content.size()));
  file.resize(libdeflate_gzip_compress(deflater.get(), content.data(), content.size(), file.data(), file.size()));
  return file;
}

}  // namespace nnunet
