#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace nnunet {

/// What a file was when something was made from it. Size and time of modification tell at no cost that it is still the
/// same; where the time differs, the content decides, so that a copied dataset is the same one.
struct FileRecord {
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::string sample{};       ///< digest (digest.h) of a few blocks from the first to the last
  std::string content{};      ///< digest of all of it

  bool operator==(const FileRecord&) const = default;
};

/// Take it before the file is used: what is written in between is then seen as a change. Throws Error when the file
/// cannot be read.
FileRecord record_file(const std::filesystem::path& file);

/// The record of a file that holds what it held then, with today's time of modification; nothing for another content,
/// or a file that cannot be read. made: when something was made from it (time_of_change of the output).
std::optional<FileRecord> unchanged(const std::filesystem::path& file, const FileRecord& record, std::int64_t made);

/// When the file's content was last written, nanoseconds since 1970; 0 when there is none.
std::int64_t time_of_change(const std::filesystem::path& file);

/// As it stands in JSON files: "size modified sample content".
std::string record_text(const FileRecord& record);
std::optional<FileRecord> parse_file_record(const std::string& text);

}  // namespace nnunet
