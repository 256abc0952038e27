#include "text_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "posix_file.h"

namespace nnunet {

std::optional<std::string_view> HeaderLines::next() {
  if (position_ >= std::min(text_.size(), limits::image_header_bytes)) return std::nullopt;
  const auto end = text_.find('\n', position_);
  std::string_view line = text_.substr(position_, end == std::string_view::npos ? end : end - position_);
  position_ = end == std::string_view::npos ? text_.size() : end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string field(const HeaderFields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

Buffer read_image_bytes(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  const std::size_t size = file_size(file, path);
  if (size == 0) throw Error(path.string(), "the file is empty", "fetch or write the file again");
  Buffer bytes(size);
  read_exactly(file, bytes.bytes(), path);
  return bytes;
}

std::filesystem::path beside(const std::filesystem::path& header, const std::string& name) {
  const std::filesystem::path file(name);
  if (name.empty() || file.has_parent_path() || name == "." || name == ".." || name.find('\0') != std::string::npos)
    throw Error(header.string(), fmt::format("names '{}' as the file of its voxels, which has to lie beside it", name),
                "move the file beside the header, and write its name alone there");
  return header.parent_path() / file;
}

}  // namespace nnunet
