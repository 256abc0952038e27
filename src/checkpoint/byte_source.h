#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace nnunet {

/// Bytes that can be read at any place: a file, or a part of one. Reading does not move anything, so many may read.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  virtual std::uint64_t size() const = 0;
  /// offset and out.size() lie within size(). Throws Error (the file) when the disk fails or the file shrank.
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// The file, for messages.
  const std::string& name() const { return name_; }

 protected:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

/// Throws Error: missing, not a file, empty.
std::shared_ptr<const ByteSource> open_bytes(const std::filesystem::path& path);

/// A file's bytes that are in memory already, which must outlive it. Throws Error: empty.
std::shared_ptr<const ByteSource> bytes_in_memory(std::span<const std::byte> bytes, std::string name);

/// `size` bytes of another source from `offset` on, which lie within it.
std::shared_ptr<const ByteSource> part_of(std::shared_ptr<const ByteSource> whole, std::uint64_t offset,
                                          std::uint64_t size, std::string name);

/// The content of `packed` (deflate without a header), which has `size` bytes and this CRC-32, in a temporary file that
/// nobody else sees and that is gone with the object or the process. Throws Error: corrupt, or the disk is full.
std::shared_ptr<const ByteSource> inflated(const ByteSource& packed, std::uint64_t size, std::uint32_t crc,
                                           const std::string& name);

}  // namespace nnunet
