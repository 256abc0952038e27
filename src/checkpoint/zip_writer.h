#pragma once
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace nnunet {

/// Writes a zip file as torch.save does: entries stored without compression, their bytes at multiples of 64 (so that
/// they can be mapped), zip64 records where sizes need them. Errors of the stream stay in the stream.
class ZipWriter {
 public:
  explicit ZipWriter(std::ostream& to) : to_(to) {}

  void add(const std::string& name, std::span<const std::byte> content);
  /// Writes the directory; call it last.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t header = 0, size = 0;
    std::uint32_t crc = 0;
  };

  void write(const std::string& bytes);

  std::ostream& to_;
  std::uint64_t position_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace nnunet
