#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nnunet/io/atomic_file.h"

namespace nnunet::v2 {

/// Writes a zip file of deflated entries (level 6, as Python's zipfile), each given piece by piece, with zip64 sizes
/// where needed. Blocks are packed on all threads by themselves, which costs a thousandth of the size. The file appears
/// with commit().
class DeflatingZip {
 public:
  /// threads: that pack, at least 1. Throws Error where the file cannot be written.
  DeflatingZip(const std::filesystem::path& path, int threads);

  void begin(const std::string& name);
  void write(std::span<const std::byte> content);
  void end();
  void add_file(const std::string& name, const std::filesystem::path& file);
  void commit();

 private:
  struct Entry {
    std::string name;
    std::uint64_t header = 0, packed = 0, size = 0;
    std::uint32_t crc = 0;
  };

  void put(const std::string& bytes);
  void pack(bool last);
  void put_directory_entry(const Entry& entry);

  PendingFile file_;
  int threads_;
  std::uint64_t position_ = 0;
  std::vector<Entry> entries_;
  std::string waiting_;
};

}  // namespace nnunet::v2
