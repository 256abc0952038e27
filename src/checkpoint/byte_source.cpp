#include "byte_source.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

constexpr const char* kRemedy = "copy or download the file again, or use another checkpoint";

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

class FileBytes final : public ByteSource {
 public:
  FileBytes(File file, std::uint64_t size, std::string name)
      : ByteSource(std::move(name)), file_(std::move(file)), size_(size) {}

  std::uint64_t size() const override { return size_; }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    constexpr std::size_t most = std::size_t{1} << 30;
    while (!out.empty()) {
      const ssize_t got = pread(file_.descriptor(), out.data(), std::min(out.size(), most), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(name(), std::strerror(errno), "check the disk or the network drive");
      if (got == 0) throw Error(name(), "the file is corrupt or truncated: it ends too early", kRemedy);
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
  }

 private:
  File file_;
  std::uint64_t size_;
};

class MemoryBytes final : public ByteSource {
 public:
  MemoryBytes(std::span<const std::byte> bytes, std::string name) : ByteSource(std::move(name)), bytes_(bytes) {}

  std::uint64_t size() const override { return bytes_.size(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
  }

 private:
  std::span<const std::byte> bytes_;
};

class PartBytes final : public ByteSource {
 public:
  PartBytes(std::shared_ptr<const ByteSource> whole, std::uint64_t offset, std::uint64_t size, std::string name)
      : ByteSource(std::move(name)), whole_(std::move(whole)), offset_(offset), size_(size) {}

  std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override { whole_->read(offset_ + offset, out); }

 private:
  std::shared_ptr<const ByteSource> whole_;
  std::uint64_t offset_, size_;
};

/// Removed from its folder at once, so that it is gone whatever happens.
File scratch_file() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nnunet_XXXXXX").string();
  File file(mkostemp(pattern.data(), O_CLOEXEC));
  if (file.descriptor() < 0)
    throw Error(pattern, std::string("no temporary file can be made: ") + std::strerror(errno),
                "name a folder that can be written to in the environment variable TMPDIR");
  unlink(pattern.c_str());
  return file;
}

void append(const File& file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(file.descriptor(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0)
      throw Error(std::filesystem::temp_directory_path().string(),
                  std::string("a temporary file cannot be written: ") + std::strerror(errno),
                  "free some space, or name a larger folder in the environment variable TMPDIR");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

/// zlib's state, which has to be given back.
class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Takes input and fills out as far as it goes; says what was filled.
  std::span<std::byte> operator()(std::span<std::byte>& in, std::span<std::byte> out, bool& ended, bool& fine) {
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    ended = result == Z_STREAM_END;
    fine = ended || result == Z_OK || result == Z_BUF_ERROR;
    in = in.last(stream_.avail_in);
    return out.first(out.size() - stream_.avail_out);
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::shared_ptr<const ByteSource> open_bytes(const std::filesystem::path& path) {
  File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor() < 0) throw Error(path.string(), std::strerror(errno), "check the path and its permissions");
  struct stat status {};
  if (fstat(file.descriptor(), &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(path.string(), "this is not a file", "give the path of a checkpoint file");
  if (status.st_size == 0) throw Error(path.string(), "the file is empty", kRemedy);
  return std::make_shared<FileBytes>(std::move(file), static_cast<std::uint64_t>(status.st_size), path.string());
}

std::shared_ptr<const ByteSource> bytes_in_memory(std::span<const std::byte> bytes, std::string name) {
  if (bytes.empty()) throw Error(name, "the file is empty", kRemedy);
  return std::make_shared<MemoryBytes>(bytes, std::move(name));
}

std::shared_ptr<const ByteSource> part_of(std::shared_ptr<const ByteSource> whole, std::uint64_t offset,
                                          std::uint64_t size, std::string name) {
  return std::make_shared<PartBytes>(std::move(whole), offset, size, std::move(name));
}

std::shared_ptr<const ByteSource> inflated(const ByteSource& packed, std::uint64_t size, std::uint32_t crc,
                                           const std::string& name) {
  constexpr std::size_t block = std::size_t{1} << 18;
  std::vector<std::byte> in(block), out(block);
  File file = scratch_file();
  Inflater inflater;
  std::uint64_t taken = 0, made = 0;
  std::uint32_t sum = 0;
  bool ended = false, fine = true;
  while (!ended && taken < packed.size()) {
    const std::size_t count = std::min<std::uint64_t>(block, packed.size() - taken);
    std::span<std::byte> input(in.data(), count);
    packed.read(taken, input);
    taken += count;
    while (!ended) {
      const auto part = inflater(input, out, ended, fine);
      made += part.size();
      if (!fine || made > size) throw Error(name, "the file is corrupt: its packed content is damaged", kRemedy);
      sum = libdeflate_crc32(sum, part.data(), part.size());
      append(file, part);
      if (input.empty() && part.size() < block) break;
    }
  }
  if (!ended || made != size || sum != crc)
    throw Error(name, "the file is corrupt or truncated: its packed content has a wrong checksum", kRemedy);
  return std::make_shared<FileBytes>(std::move(file), size, name);
}

}  // namespace nnunet
