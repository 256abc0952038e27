#pragma once
#include <libdeflate.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nnunet::fuzz {

/// A zip archive of stored entries, as torch.save lays them out: so that what a fuzzer invents has right checksums.
class ZipWriter {
 public:
  void add(const std::string& name, std::span<const std::byte> content) {
    const auto start = static_cast<std::uint32_t>(file_.size());
    const std::uint32_t crc = libdeflate_crc32(0, content.data(), content.size());
    const auto size = static_cast<std::uint32_t>(content.size());
    put(file_, {0x04034b50, 4});
    fields(file_, crc, size, name);
    put(file_, {0, 2});
    text(file_, name);
    file_.insert(file_.end(), content.begin(), content.end());

    put(directory_, {0x02014b50, 4});
    put(directory_, {0, 2});
    fields(directory_, crc, size, name);
    for (const int width : {2, 2, 2, 2, 4}) put(directory_, {0, width});
    put(directory_, {start, 4});
    text(directory_, name);
    ++entries_;
  }

  std::vector<std::byte> finish() && {
    const auto start = static_cast<std::uint32_t>(file_.size());
    file_.insert(file_.end(), directory_.begin(), directory_.end());
    put(file_, {0x06054b50, 4});
    for (const int width : {2, 2}) put(file_, {0, width});
    for (int i = 0; i < 2; ++i) put(file_, {entries_, 2});
    put(file_, {static_cast<std::uint32_t>(directory_.size()), 4});
    put(file_, {start, 4});
    put(file_, {0, 2});
    return std::move(file_);
  }

 private:
  struct Number {
    std::uint32_t value;
    int width;
  };
  static void put(std::vector<std::byte>& to, Number number) {
    for (int i = 0; i < number.width; ++i) to.push_back(static_cast<std::byte>(number.value >> (8 * i) & 0xffU));
  }
  static void text(std::vector<std::byte>& to, const std::string& name) {
    for (const char c : name) to.push_back(static_cast<std::byte>(c));
  }
  /// What both headers have: version, flags, method, time, date, checksum, sizes, length of the name.
  static void fields(std::vector<std::byte>& to, std::uint32_t crc, std::uint32_t size, const std::string& name) {
    for (int i = 0; i < 5; ++i) put(to, {0, 2});
    for (const std::uint32_t value : {crc, size, size}) put(to, {value, 4});
    put(to, {static_cast<std::uint32_t>(name.size()), 2});
  }

  std::vector<std::byte> file_, directory_;
  std::uint32_t entries_ = 0;
};

}  // namespace nnunet::fuzz
