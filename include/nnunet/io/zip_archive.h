#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace nnunet {

/// One file in a zip archive, as its directory describes it.
struct ZipEntry {
  std::string name;
  std::uint64_t header = 0, packed = 0, size = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0, flags = 0;
  std::uint32_t mode = 0;  ///< Unix: type and permissions; 0: not known

  bool is_folder() const { return name.ends_with('/'); }
  bool is_link() const { return (mode & 0170000U) == 0120000U; }
};

/// How messages name entries: names may be patients'.
enum class EntryNames { shown, numbers };

/// Reads zip archives whose entries are stored or deflated. Sizes and places are checked against the file before they
/// are used.
class ZipArchive {
 public:
  /// Throws Error: missing, no zip file, truncated, damaged directory, an entry that occurs twice.
  explicit ZipArchive(const std::filesystem::path& path, EntryNames names = EntryNames::shown);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::vector<ZipEntry>& entries() const { return entries_; }
  /// Throws Error where there is none.
  const ZipEntry& entry(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t file_size() const { return size_; }
  /// For messages: "entry NAME", or "entry 3", counted from 1.
  std::string said(const ZipEntry& entry) const;
  [[noreturn]] void corrupt(const std::string& problem) const;

 private:
  friend class ZipEntryReader;
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  std::string bytes_at(std::uint64_t offset, std::uint64_t count) const;
  void read_directory();

  std::filesystem::path path_;
  EntryNames names_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::vector<ZipEntry> entries_;
};

/// Throws Error for an archive that unpacks to far more than it holds itself: to more than 4 GiB and 200 times its size
/// (core/limits.h). A smaller bound would refuse what people have: a mask of bones on the grid of a CT packs to an
/// 86th, blank planes of 512 x 512 to a 169th. What a bomb may fill until then is its user's own disk, which is free
/// again afterwards; who takes zips from others needs a bound of its own, as the server has.
void require_plausible_size(const ZipArchive& zip);

/// The content of one entry from its beginning to its end, unpacked piece by piece.
class ZipEntryReader {
 public:
  /// Throws Error for encryption and for methods other than stored and deflated. The archive must outlive this.
  ZipEntryReader(const ZipArchive& archive, const ZipEntry& entry);
  ~ZipEntryReader();
  ZipEntryReader(ZipEntryReader&&) noexcept;
  ZipEntryReader& operator=(ZipEntryReader&&) = delete;

  /// Fills `out`. With the last byte of the entry its checksum is compared. Throws Error where it ends before.
  void read(std::span<std::byte> out);
  std::uint64_t left() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nnunet
