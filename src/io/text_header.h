#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nnunet/io/gzip.h"

namespace nnunet {

/// Reads lines from the start of a file that goes on with voxels.
class HeaderLines {
 public:
  explicit HeaderLines(std::span<const std::byte> file)
      : text_(reinterpret_cast<const char*>(file.data()), file.size()) {}
  /// The next line without its end; nothing at the end of the file, or of what a header may be long.
  std::optional<std::string_view> next();
  std::size_t position() const { return position_; }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

/// A header's fields, asked for by name.
using HeaderFields = std::map<std::string, std::string, std::less<>>;
std::string field(const HeaderFields& fields, std::string_view name);

/// In lower case (ASCII).
std::string lower_case(std::string_view text);

/// The whole file. Throws Error: absent, empty, a folder, unreadable.
Buffer read_image_bytes(const std::filesystem::path& path);

/// A file of voxels that a header names: beside it. Throws Error for names with folders in them: a header from
/// elsewhere must not read any file of this machine.
std::filesystem::path beside(const std::filesystem::path& header, const std::string& name);

}  // namespace nnunet
