#include "nnunet/io/npy.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "posix_file.h"

namespace nnunet {

namespace {

constexpr std::string_view kRemedy = "write it anew with numpy.save or nnunet preprocess";

template <class T>
constexpr std::string_view type_string() {
  if constexpr (std::is_same_v<T, float>) return "f4";
  if constexpr (std::is_same_v<T, double>) return "f8";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "u1";
  if constexpr (std::is_same_v<T, std::uint16_t>) return "u2";
  if constexpr (std::is_same_v<T, std::int32_t>) return "i4";
  if constexpr (std::is_same_v<T, std::int64_t>) return "i8";
}

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view problem) {
  throw Error(path.string(), problem, kRemedy);
}

/// What the header of a .npy file says.
struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// The text after `'key':` in the header's Python dictionary.
std::string_view value_of(std::string_view dict, std::string_view key, const std::filesystem::path& path) {
  const std::size_t at = dict.find(fmt::format("'{}'", key));
  if (at == std::string_view::npos) fail(path, fmt::format("the .npy header has no '{}'", key));
  std::string_view rest = dict.substr(at + key.size() + 2);
  rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
  return rest;
}

std::vector<std::int64_t> parse_shape(std::string_view text, const std::filesystem::path& path) {
  const std::size_t end = text.find(')');
  if (text.empty() || text.front() != '(' || end == std::string_view::npos) fail(path, "the .npy header has no shape");
  std::vector<std::int64_t> shape;
  std::int64_t value = -1;
  for (const char c : text.substr(1, end - 1)) {
    if (c >= '0' && c <= '9') {
      if (value > limits::npy_values) fail(path, "the .npy header has an absurd shape");
      value = (value < 0 ? 0 : value) * 10 + (c - '0');
    } else if (c == ',') {
      if (value >= 0) shape.push_back(value);
      value = -1;
    } else if (c != ' ') {
      fail(path, "the .npy header has a shape that is not made of whole numbers");
    }
  }
  if (value >= 0) shape.push_back(value);
  if (shape.size() > limits::npy_axes) fail(path, fmt::format("the array has {} axes", shape.size()));
  return shape;
}

Header parse_header(std::string_view dict, const std::filesystem::path& path) {
  Header header;
  const std::string_view descr = value_of(dict, "descr", path);
  const std::size_t end = descr.find('\'', 1);
  if (descr.empty() || descr.front() != '\'' || end == std::string_view::npos) {
    fail(path, "the .npy file holds records, not plain numbers");
  }
  header.descr = descr.substr(1, end - 1);
  header.fortran_order = value_of(dict, "fortran_order", path).starts_with("True");
  header.shape = parse_shape(value_of(dict, "shape", path), path);
  return header;
}

/// numpy's type string without byte order; only little-endian real numbers pass.
std::string plain_type(const std::string& descr, const std::filesystem::path& path) {
  const bool right_order = descr.size() == 3 && (descr[0] == '<' || descr[0] == '|');
  const std::string type = right_order ? descr.substr(1) : "";
  for (const char* known : {"f4", "f8", "f2", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "b1"}) {
    if (type == known) return type;
  }
  fail(path, fmt::format("the type '{}' is not supported", descr));
}

std::size_t checked_count(const std::vector<std::int64_t>& shape, const std::filesystem::path& path) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape) {
    if (__builtin_mul_overflow(count, n, &count)) fail(path, "the .npy header has an absurd shape");
  }
  if (count > limits::npy_values) fail(path, "the .npy header has an absurd shape");
  return static_cast<std::size_t>(count);
}

struct Layout {
  Header header;
  std::size_t offset = 0;  ///< of the values
};

/// Format: "\x93NUMPY", version (major, minor), length of the dictionary (2 bytes, from version 2 on 4), dictionary.
Layout parse_layout(const unsigned char* file, std::size_t length, const std::filesystem::path& path) {
  if (length < 12) fail(path, length == 0 ? "the file is empty" : "the file is truncated");
  if (std::memcmp(file, "\x93NUMPY", 6) != 0) fail(path, "is not a .npy file");
  const int version = file[6];
  if (version < 1 || version > 3) fail(path, fmt::format(".npy format version {} is not supported", version));
  std::size_t size = file[8] + 256U * file[9];
  if (version > 1) size += 65536U * file[10] + 16777216ULL * file[11];
  const std::size_t start = version == 1 ? 10 : 12;
  if (size > limits::npy_header_bytes) fail(path, fmt::format("the .npy header has absurd {} bytes", size));
  if (size > length - start) fail(path, "the file is truncated");
  Layout layout;
  layout.header = parse_header({reinterpret_cast<const char*>(file) + start, size}, path);
  layout.offset = start + size;
  return layout;
}

/// Everything before the values.
template <class T>
std::string header_text(const std::vector<std::int64_t>& sizes) {
  std::string shape;
  for (const std::int64_t n : sizes) shape += fmt::format("{}, ", n);
  if (shape.size() > 2) shape.resize(shape.size() - (sizes.size() == 1 ? 1 : 2));
  std::string head = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 sizeof(T) == 1 ? '|' : '<', type_string<T>(), shape);
  // numpy aligns the values to 64 bytes.
  head.append(63 - (10 + head.size()) % 64, ' ').push_back('\n');
  std::string start = "\x93NUMPY\x01";
  start += {'\0', static_cast<char>(head.size() % 256), static_cast<char>(head.size() / 256)};
  return start + head;
}

}  // namespace

NpyFile::NpyFile(const std::filesystem::path& path) : path_(path) {
  const FileDescriptor file = open_for_reading(path);
  const std::size_t length = file_size(file, path);
  if (length == 0) fail(path, "the file is empty");
  void* map = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) throw Error(path.string(), "cannot be mapped into memory: " + system_reason(errno));
  map_ = static_cast<const std::byte*>(map);
  length_ = length;
  try {
    const Layout layout = parse_layout(reinterpret_cast<const unsigned char*>(map_), length_, path);
    dtype_ = plain_type(layout.header.descr, path);
    shape_ = layout.header.shape;
    offset_ = layout.offset;
    count_ = checked_count(shape_, path);
    if (layout.header.fortran_order && shape_.size() > 1) fail(path, "the array is in Fortran order");
    const std::size_t needed = offset_ + count_ * static_cast<std::size_t>(dtype_[1] - '0');
    if (length_ < needed) fail(path, fmt::format("the file is truncated ({} of {} bytes)", length_, needed));
    if (length_ > needed) fail(path, fmt::format("the file has {} bytes too many", length_ - needed));
  } catch (...) {
    ::munmap(map, length_);
    throw;
  }
}

NpyFile::~NpyFile() {
  if (map_ != nullptr) ::munmap(const_cast<std::byte*>(map_), length_);
}

NpyFile::NpyFile(NpyFile&& other) noexcept
    : path_(std::move(other.path_)),
      shape_(std::move(other.shape_)),
      dtype_(std::move(other.dtype_)),
      map_(std::exchange(other.map_, nullptr)),
      length_(std::exchange(other.length_, 0)),
      offset_(std::exchange(other.offset_, 0)),
      count_(std::exchange(other.count_, 0)) {}

NpyFile& NpyFile::operator=(NpyFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(shape_, other.shape_);
  std::swap(dtype_, other.dtype_);
  std::swap(map_, other.map_);
  std::swap(length_, other.length_);
  std::swap(offset_, other.offset_);
  std::swap(count_, other.count_);
  return *this;
}

template <class T>
std::span<const T> NpyFile::values() const {
  if (dtype_ != type_string<T>()) {
    fail(path_, fmt::format("holds values of type {}, expected {}", dtype_, type_string<T>()));
  }
  if (offset_ % alignof(T) != 0) fail(path_, "the values are not aligned in the file");
  return {reinterpret_cast<const T*>(map_ + offset_), count_};
}

namespace {

template <class T>
auto writer_of(const Array<T>& array) {
  return [&array](const std::filesystem::path& temporary) {
    const std::string head = header_text<T>(array.shape);
    write_parts(temporary, {std::as_bytes(std::span(head)), std::as_bytes(std::span(array.values))});
  };
}

}  // namespace

template <class T>
void write_npy(const std::filesystem::path& path, const Array<T>& array) {
  write_atomically(path, writer_of(array));
}

template <class T>
void write_npy(PendingFiles& files, const std::filesystem::path& path, const Array<T>& array) {
  files.write(path, writer_of(array));
}

template <class T>
NpyWriter<T>::NpyWriter(const std::filesystem::path& path, const std::vector<std::int64_t>& shape) : file_(path) {
  const std::string head = header_text<T>(shape);
  header_size_ = head.size();
  file_.write(0, std::as_bytes(std::span(head)));
  // The file has its full size from the start, whatever is written last.
  const std::size_t count = checked_count(shape, path);
  if (count > 0) write(static_cast<std::int64_t>(count) - 1, std::vector<T>(1));
}

template <class T>
void NpyWriter<T>::write(std::int64_t first, std::span<const T> values) const {
  file_.write(header_size_ + static_cast<std::size_t>(first) * sizeof(T), std::as_bytes(values));
}

template <class T>
void NpyWriter<T>::commit() {
  file_.commit();
}

template <class T>
Array<T> read_npy(const std::filesystem::path& path) {
  const NpyFile file(path);
  const std::span<const T> values = file.values<T>();
  Array<T> array;
  array.shape = file.shape();
  array.values.assign(values.begin(), values.end());
  return array;
}

#define NNUNET_NPY_TYPE(T)                                                                  \
  template std::span<const T> NpyFile::values<T>() const;                                   \
  template void write_npy<T>(const std::filesystem::path&, const Array<T>&);                \
  template void write_npy<T>(PendingFiles&, const std::filesystem::path&, const Array<T>&); \
  template Array<T> read_npy<T>(const std::filesystem::path&);                              \
  template class NpyWriter<T>;
NNUNET_NPY_TYPE(float)
NNUNET_NPY_TYPE(double)
NNUNET_NPY_TYPE(std::uint8_t)
NNUNET_NPY_TYPE(std::uint16_t)
NNUNET_NPY_TYPE(std::int32_t)
NNUNET_NPY_TYPE(std::int64_t)
#undef NNUNET_NPY_TYPE

}  // namespace nnunet
