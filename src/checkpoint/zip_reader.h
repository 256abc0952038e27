#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "byte_source.h"

namespace nnunet {

/// The entries of a zip file, zip64 where needed: stored ones, as torch.save writes them, and with open() deflated
/// ones, too. Every size and offset is checked against the file before it is used, and every entry that is read against
/// its CRC-32.
class ZipReader {
 public:
  /// Throws Error: not a zip file, truncated, corrupt directory.
  explicit ZipReader(std::shared_ptr<const ByteSource> bytes);

  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// Bytes of the entry. Throws Error when it is absent or compressed.
  std::uint64_t size(const std::string& name) const;
  std::uint64_t file_size() const { return file_size_; }
  /// Fills `out`, which has the entry's size. Throws Error for a wrong checksum.
  void read(const std::string& name, std::span<std::byte> out) const;
  /// Small entries. Throws Error when larger than limit bytes.
  std::string read_text(const std::string& name, std::uint64_t limit) const;
  /// An entry as a file of its own; a deflated one lies in a temporary file. Throws Error: encrypted, packed otherwise,
  /// or one that says it unpacks to far more than it holds. The checksum of a stored one is left to who reads it.
  std::shared_ptr<const ByteSource> open(const std::string& name) const;

 private:
  struct Entry {
    std::uint64_t header = 0, size = 0, packed = 0;
    std::uint32_t crc = 0;
    std::uint16_t method = 0, flags = 0;
  };
  struct Directory {
    std::uint64_t entries = 0, offset = 0, size = 0;
  };

  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  std::vector<std::byte> bytes_at(std::uint64_t offset, std::uint64_t count) const;
  Directory find_directory() const;
  void read_directory(const Directory& directory);
  const Entry& entry(const std::string& name) const;
  const Entry& stored_entry(const std::string& name) const;
  /// Where an entry's bytes begin.
  std::uint64_t content_at(const std::string& name, const Entry& entry) const;
  [[noreturn]] void corrupt(const std::string& problem) const;

  std::shared_ptr<const ByteSource> bytes_;
  std::uint64_t file_size_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace nnunet
