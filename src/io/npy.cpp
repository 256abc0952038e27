#include "nnunet/io/npy.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "nnunet/core/error.h"
#include "npy_header.h"
#include "npy_values.h"
#include "posix_file.h"

namespace nnunet {

namespace {

template <class T>
constexpr std::string_view type_string() {
  if constexpr (std::is_same_v<T, float>) return "f4";
  if constexpr (std::is_same_v<T, double>) return "f8";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "u1";
  if constexpr (std::is_same_v<T, std::uint16_t>) return "u2";
  if constexpr (std::is_same_v<T, std::uint32_t>) return "u4";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "u8";
  if constexpr (std::is_same_v<T, std::int8_t>) return "i1";
  if constexpr (std::is_same_v<T, std::int16_t>) return "i2";
  if constexpr (std::is_same_v<T, std::int32_t>) return "i4";
  if constexpr (std::is_same_v<T, std::int64_t>) return "i8";
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

std::shared_ptr<const std::byte> map_file(const std::filesystem::path& path, std::size_t& length) {
  const FileDescriptor file = open_for_reading(path);
  length = file_size(file, path);
  if (length == 0) fail_npy(path, "the file is empty");
  void* map = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) throw Error(path.string(), "cannot be mapped into memory: " + system_reason(errno));
  const auto unmap = [length](const std::byte* start) { ::munmap(const_cast<std::byte*>(start), length); };
  return {static_cast<const std::byte*>(map), unmap};
}

std::shared_ptr<std::byte[]> new_memory(std::size_t bytes, const std::filesystem::path& path) {
  try {
    return std::make_shared_for_overwrite<std::byte[]>(bytes);
  } catch (const std::bad_alloc&) {
    throw Error(path.string(), "there is not enough memory for its values", "use a machine with more memory");
  }
}

template <class To, class From>
bool fits(From value) {
  if constexpr (std::is_floating_point_v<To> && std::is_integral_v<From>) {
    return true;
  } else if constexpr (std::is_floating_point_v<To>) {
    return !std::isfinite(value) ||
           std::abs(static_cast<double>(value)) <= static_cast<double>(std::numeric_limits<To>::max());
  } else if constexpr (std::is_floating_point_v<From>) {
    const double v = static_cast<double>(value), end = std::ldexp(1.0, std::numeric_limits<To>::digits);
    return v >= static_cast<double>(std::numeric_limits<To>::min()) && v < end && v == std::trunc(v);
  } else {
    return std::in_range<To>(value);
  }
}

template <class To>
std::string range_text() {
  if constexpr (std::is_floating_point_v<To>) return "is too large for float32";
  return fmt::format("is not a whole number from {} to {}", std::numeric_limits<To>::min(),
                     std::numeric_limits<To>::max());
}

}  // namespace

NpyFile::NpyFile(const std::filesystem::path& path) : path_(path) {
  std::size_t length = 0;
  memory_ = map_file(path, length);
  const std::span file{memory_.get(), length};
  NpyLayout layout = parse_npy(file, path);
  count_ = layout.count();
  values_ = file.data() + layout.offset;
  if (!layout.plain()) {
    auto copy = new_memory(count_ * layout.value_bytes, path);
    copy_plain(layout, file.subspan(layout.offset), copy.get());
    hold(std::move(copy));
  }
  if (layout.type == "f2") {
    auto wide = new_memory(count_ * sizeof(float), path);
    widen_halves({reinterpret_cast<const std::uint16_t*>(values_), count_}, reinterpret_cast<float*>(wide.get()));
    hold(std::move(wide));
    layout.type = "f4";
  }
  dtype_ = layout.type == "b1" ? "u1" : std::move(layout.type);
  shape_ = std::move(layout.shape);
}

void NpyFile::hold(std::shared_ptr<const std::byte[]> values) {
  values_ = values.get();
  memory_ = {std::move(values), values_};
}

template <class T>
std::span<const T> NpyFile::values() const {
  if (dtype_ != type_string<T>()) {
    fail_npy(path_, fmt::format("holds values of type {}, expected {}", dtype_, type_string<T>()));
  }
  return {reinterpret_cast<const T*>(values_), count_};
}

template <class T>
NpyFile NpyFile::as() const {
  NpyFile result = *this;
  if (dtype_ == type_string<T>()) return result;
  auto copy = new_memory(count_ * sizeof(T), path_);
  auto* to = reinterpret_cast<T*>(copy.get());
  visit([&](auto from) {
    for (const auto value : from) {
      if (!fits<T>(value))
        throw Error(path_.string(), fmt::format("holds {}, which {}", value, range_text<T>()), "correct the file");
      *to++ = static_cast<T>(value);
    }
  });
  result.hold(std::move(copy));
  result.dtype_ = type_string<T>();
  return result;
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
  count_ = npy_count(shape, path);
  if (count_ > 0) write(static_cast<std::int64_t>(count_) - 1, std::vector<T>(1));
}

template <class T>
void NpyWriter<T>::write(std::int64_t first, std::span<const T> values) const {
  file_.write(header_size_ + static_cast<std::size_t>(first) * sizeof(T), std::as_bytes(values));
}

template <class T>
std::span<T> NpyWriter<T>::map() {
  const std::span<std::byte> all = file_.map(header_size_ + count_ * sizeof(T));
  return {reinterpret_cast<T*>(all.data() + header_size_), count_};  // aligned: the header ends at 64 bytes
}

template <class T>
void NpyWriter<T>::rest() {
  file_.rest();
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
  template void write_npy<T>(const std::filesystem::path&, const Array<T>&);                \
  template void write_npy<T>(PendingFiles&, const std::filesystem::path&, const Array<T>&); \
  template Array<T> read_npy<T>(const std::filesystem::path&);                              \
  template class NpyWriter<T>;
NNUNET_NPY_TYPE(float)
NNUNET_NPY_TYPE(double)
NNUNET_NPY_TYPE(std::uint8_t)
NNUNET_NPY_TYPE(std::int16_t)
NNUNET_NPY_TYPE(std::uint16_t)
NNUNET_NPY_TYPE(std::int32_t)
NNUNET_NPY_TYPE(std::int64_t)
#undef NNUNET_NPY_TYPE

#define NNUNET_NPY_VALUES(T) template std::span<const T> NpyFile::values<T>() const;
NNUNET_NPY_VALUES(float)
NNUNET_NPY_VALUES(double)
NNUNET_NPY_VALUES(std::uint8_t)
NNUNET_NPY_VALUES(std::uint16_t)
NNUNET_NPY_VALUES(std::uint32_t)
NNUNET_NPY_VALUES(std::uint64_t)
NNUNET_NPY_VALUES(std::int8_t)
NNUNET_NPY_VALUES(std::int16_t)
NNUNET_NPY_VALUES(std::int32_t)
NNUNET_NPY_VALUES(std::int64_t)
#undef NNUNET_NPY_VALUES

template NpyFile NpyFile::as<float>() const;
template NpyFile NpyFile::as<std::uint8_t>() const;
template NpyFile NpyFile::as<std::int64_t>() const;

}  // namespace nnunet
