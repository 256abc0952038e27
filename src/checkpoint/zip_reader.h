#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace nnunet {

/// The entries of a zip file as torch.save writes it: stored without compression, zip64 where needed. Every size and
/// offset is checked against the file before it is used, and every entry that is read against its CRC-32.
class ZipReader {
 public:
  /// Throws Error: missing, empty, not a zip file, truncated, corrupt directory.
  explicit ZipReader(const std::filesystem::path& path);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// Bytes of the entry. Throws Error when it is absent or compressed.
  std::uint64_t size(const std::string& name) const;
  std::uint64_t file_size() const { return file_size_; }
  /// Fills `out`, which has the entry's size. Throws Error for a wrong checksum.
  void read(const std::string& name, std::span<std::byte> out) const;
  /// Small entries. Throws Error when larger than limit bytes.
  std::string read_text(const std::string& name, std::uint64_t limit) const;

 private:
  struct Entry {
    std::uint64_t header = 0, size = 0;
    std::uint32_t crc = 0;
    std::uint16_t method = 0;
  };
  struct Directory {
    std::uint64_t entries = 0, offset = 0, size = 0;
  };

  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  std::vector<std::byte> bytes_at(std::uint64_t offset, std::uint64_t count) const;
  Directory find_directory() const;
  void read_directory(const Directory& directory);
  const Entry& entry(const std::string& name) const;
  [[noreturn]] void corrupt(const std::string& problem) const;

  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t file_size_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace nnunet
