#include "npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"

namespace nnunet {

namespace {

/// What the header of a .npy file says.
struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// The text after `'key':` in the header's Python dictionary.
std::string_view value_of(std::string_view dict, std::string_view key, const std::filesystem::path& path) {
  const std::size_t at = dict.find(fmt::format("'{}'", key));
  if (at == std::string_view::npos) fail_npy(path, fmt::format("the .npy header has no '{}'", key));
  std::string_view rest = dict.substr(at + key.size() + 2);
  rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
  return rest;
}

std::vector<std::int64_t> parse_shape(std::string_view text, const std::filesystem::path& path) {
  const std::size_t end = text.find(')');
  if (text.empty() || text.front() != '(' || end == std::string_view::npos)
    fail_npy(path, "the .npy header has no shape");
  std::vector<std::int64_t> shape;
  std::int64_t value = -1;
  for (const char c : text.substr(1, end - 1)) {
    if (c >= '0' && c <= '9') {
      if (value > limits::npy_values) fail_npy(path, "the .npy header has an absurd shape");
      value = (value < 0 ? 0 : value) * 10 + (c - '0');
    } else if (c == ',') {
      if (value >= 0) shape.push_back(value);
      value = -1;
    } else if (c != ' ') {
      fail_npy(path, "the .npy header has a shape that is not made of whole numbers");
    }
  }
  if (value >= 0) shape.push_back(value);
  if (shape.size() > limits::npy_axes) fail_npy(path, fmt::format("the array has {} axes", shape.size()));
  return shape;
}

Header parse_header(std::string_view dict, const std::filesystem::path& path) {
  Header header;
  const std::string_view descr = value_of(dict, "descr", path);
  const std::size_t end = descr.find('\'', 1);
  if (descr.empty() || descr.front() != '\'' || end == std::string_view::npos) {
    fail_npy(path, "the .npy file holds records, not plain numbers");
  }
  header.descr = descr.substr(1, end - 1);
  header.fortran_order = value_of(dict, "fortran_order", path).starts_with("True");
  header.shape = parse_shape(value_of(dict, "shape", path), path);
  return header;
}

/// "<f4" and the like: byte order, kind, bytes.
void read_type(const std::string& descr, NpyLayout& layout, const std::filesystem::path& path) {
  static constexpr std::array<std::string_view, 12> kTypes{"f2", "f4", "f8", "b1", "u1", "u2",
                                                           "u4", "u8", "i1", "i2", "i4", "i8"};
  constexpr bool kLittle = std::endian::native == std::endian::little;
  const bool known = descr.size() == 3 && std::string_view("<>|=").find(descr[0]) != std::string_view::npos &&
                     std::ranges::find(kTypes, std::string_view(descr).substr(1)) != kTypes.end();
  if (!known) {
    throw Error(path.string(), fmt::format("the type '{}' is not supported", descr),
                "save it as integers, bool, float16, float32 or float64");
  }
  layout.type = descr.substr(1);
  layout.value_bytes = static_cast<std::size_t>(descr[2] - '0');
  layout.swapped = layout.value_bytes > 1 && descr[0] == (kLittle ? '>' : '<');
}

}  // namespace

void fail_npy(const std::filesystem::path& path, std::string_view problem) {
  throw Error(path.string(), problem, "write it anew with numpy.save or nnunet preprocess");
}

std::size_t npy_count(const std::vector<std::int64_t>& shape, const std::filesystem::path& path) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape) {
    if (__builtin_mul_overflow(count, n, &count)) fail_npy(path, "the .npy header has an absurd shape");
  }
  if (count > limits::npy_values) fail_npy(path, "the .npy header has an absurd shape");
  return static_cast<std::size_t>(count);
}

std::size_t NpyLayout::count() const {
  std::size_t n = 1;
  for (const std::int64_t size : shape) n *= static_cast<std::size_t>(size);
  return n;
}

/// Format: "\x93NUMPY", version (major, minor), length of the dictionary (2 bytes, from version 2 on 4), dictionary.
NpyLayout parse_npy(std::span<const std::byte> file, const std::filesystem::path& path) {
  const std::size_t length = file.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  if (length < 12) fail_npy(path, length == 0 ? "the file is empty" : "the file is truncated");
  if (std::memcmp(bytes, "\x93NUMPY", 6) != 0) fail_npy(path, "is not a .npy file");
  const int version = bytes[6];
  if (version < 1 || version > 3) fail_npy(path, fmt::format(".npy format version {} is not supported", version));
  std::size_t size = bytes[8] + 256U * bytes[9];
  if (version > 1) size += 65536U * bytes[10] + 16777216ULL * bytes[11];
  const std::size_t start = version == 1 ? 10 : 12;
  if (size > limits::npy_header_bytes) fail_npy(path, fmt::format("the .npy header has absurd {} bytes", size));
  if (size > length - start) fail_npy(path, "the file is truncated");

  Header header = parse_header({reinterpret_cast<const char*>(bytes) + start, size}, path);
  NpyLayout layout;
  read_type(header.descr, layout, path);
  layout.shape = std::move(header.shape);
  layout.fortran = header.fortran_order && layout.shape.size() > 1;
  layout.offset = start + size;
  const std::size_t needed = layout.offset + npy_count(layout.shape, path) * layout.value_bytes;
  if (length < needed) fail_npy(path, fmt::format("the file is truncated ({} of {} bytes)", length, needed));
  if (length > needed) fail_npy(path, fmt::format("the file has {} bytes too many", length - needed));
  return layout;
}

}  // namespace nnunet
