#include "nnunet/v2/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "deflating_zip.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/zip_archive.h"
#include "nnunet/kernels/half.h"

namespace nnunet::v2 {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr const char* kRemedy = "write the file again";
constexpr std::size_t kPiece = std::size_t{1} << 18;  // values that are converted at a time

struct Header {
  std::string type;  ///< "f4"
  bool fortran = false;
  std::vector<std::int64_t> shape;
};

std::string npy_header(const std::vector<std::int64_t>& shape) {
  std::string text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                                 fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t start = 10, alignment = 64;
  text.append((alignment - (start + text.size() + 1) % alignment) % alignment, ' ');
  text += '\n';
  const auto size = static_cast<unsigned>(text.size());
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(size & 0xffU) + static_cast<char>(size >> 8U) + text;
}

}  // namespace

struct NpzReader::State {
  ZipArchive archive;
  ZipEntryReader entry;
  Header header;
  std::vector<float> turned;  ///< all values of an array in Fortran order, in C order
  std::size_t taken = 0;
  std::vector<std::byte> raw;

  State(const std::filesystem::path& path, const std::string& key, NpzNumbers numbers)
      : archive(path), entry(archive, archive.entry(key + ".npy")) {
    read_header(numbers);
    if (header.fortran) turn();
  }

  [[noreturn]] void fail(const std::string& problem) const { throw Error(archive.path().string(), problem, kRemedy); }

  std::string bytes(std::size_t count) {
    if (count > entry.left()) fail("the array has no whole header");
    std::string text(count, '\0');
    entry.read(std::as_writable_bytes(std::span(text.data(), text.size())));
    return text;
  }

  void read_header(NpzNumbers numbers) {
    const std::string start = bytes(8);
    if (!start.starts_with("\x93NUMPY") || start[6] < 1 || start[6] > 3) fail("the array is no .npy file");
    const std::string length = bytes(start[6] == 1 ? 2 : 4);
    std::size_t size = 0;
    for (std::size_t i = length.size(); i-- > 0;) size = size << 8U | static_cast<unsigned char>(length[i]);
    if (size > limits::npy_header_bytes) fail("the array's header has an absurd size");
    const std::string text = bytes(size);
    header.type = type_in(text, numbers);
    header.fortran = text.find("'fortran_order': True") != std::string::npos;
    header.shape = shape_in(text);
    std::uint64_t count = width();
    for (const std::int64_t n : header.shape)
      if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(n), &count)) fail("the array has an absurd shape");
    if (count != entry.left()) fail("the array is not as long as its header says");
  }

  std::string type_in(const std::string& text, NpzNumbers numbers) const {
    constexpr std::string_view before = "'descr': '";
    const std::size_t at = text.find(before);
    const std::string type = at == std::string::npos ? "" : text.substr(at + before.size(), 3);
    const bool floats = numbers == NpzNumbers::floats;
    if (floats && type != "<f4" && type != "<f2" && type != "<f8")
      fail("the array's numbers are no float32, float16 or float64");
    if (!floats && type != "|i1" && type != "<i2") fail("the array's numbers are no int8 or int16");
    return type.substr(1);
  }

  std::vector<std::int64_t> shape_in(const std::string& text) const {
    constexpr std::string_view before = "'shape': (";
    const std::size_t at = text.find(before), end = text.find(')', at);
    if (at == std::string::npos || end == std::string::npos) fail("the array has no shape");
    std::vector<std::int64_t> shape;
    for (const char *p = text.data() + at + before.size(), *const last = text.data() + end; p < last;) {
      if (*p == ' ' || *p == ',') {
        ++p;
        continue;
      }
      std::int64_t n = 0;
      const auto [next, code] = std::from_chars(p, last, n);
      if (code != std::errc() || n < 0 || shape.size() == limits::npy_axes) fail("the array has an absurd shape");
      shape.push_back(n);
      p = next;
    }
    return shape;
  }

  std::size_t width() const { return static_cast<std::size_t>(header.type[1] - '0'); }

  void read_as_stored(std::span<float> values) {
    if (header.type == "f4") return entry.read(std::as_writable_bytes(values));
    while (!values.empty()) {
      const auto part = values.first(std::min(values.size(), kPiece));
      raw.resize(part.size() * width());
      entry.read(raw);
      convert(part);
      values = values.subspan(part.size());
    }
  }

  void convert(std::span<float> values) const {
    if (header.type == "f8") return convert_from<double>(values);
    if (header.type == "f2") return convert_from<kernels::Half>(values);
    if (header.type == "i2") return convert_from<std::int16_t>(values);
    convert_from<std::int8_t>(values);
  }

  template <class T>
  void convert_from(std::span<float> values) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      T value{};
      std::memcpy(&value, raw.data() + i * sizeof(value), sizeof(value));
      if constexpr (std::is_same_v<T, kernels::Half>)
        values[i] = kernels::to_float(value);
      else
        values[i] = static_cast<float>(value);
    }
  }

  /// The first axis is the innermost in the file.
  void turn() {
    const auto& shape = header.shape;
    const auto count = static_cast<std::size_t>(Array<float>::count(shape));
    std::vector<float> stored(count);
    read_as_stored(stored);
    turned.resize(count);
    std::vector<std::int64_t> at(shape.size(), 0);
    for (float& value : turned) {
      std::size_t from = 0;
      for (std::size_t axis = shape.size(); axis-- > 0;)
        from = from * static_cast<std::size_t>(shape[axis]) + static_cast<std::size_t>(at[axis]);
      value = stored[from];
      for (std::size_t axis = shape.size(); axis-- > 0 && ++at[axis] == shape[axis];) at[axis] = 0;
    }
  }
};

NpzReader::NpzReader(const std::filesystem::path& path, const std::string& key, NpzNumbers numbers)
    : state_(std::make_unique<State>(path, key, numbers)) {}
NpzReader::~NpzReader() = default;
NpzReader::NpzReader(NpzReader&&) noexcept = default;

const std::vector<std::int64_t>& NpzReader::shape() const {
  return state_->header.shape;
}

void NpzReader::read(std::span<float> values) {
  State& s = *state_;
  if (!s.header.fortran) return s.read_as_stored(values);
  if (values.size() > s.turned.size() - s.taken) s.fail("the array ends too early");
  std::copy_n(s.turned.begin() + static_cast<std::ptrdiff_t>(s.taken), values.size(), values.begin());
  s.taken += values.size();
}

struct NpzWriter::State {
  DeflatingZip zip;
  std::int64_t left;
};

NpzWriter::NpzWriter(const std::filesystem::path& path, const std::vector<std::int64_t>& shape, int threads,
                     const std::string& key)
    : state_(std::unique_ptr<State>(new State{{path, threads}, Array<float>::count(shape)})) {
  const std::string header = npy_header(shape);
  state_->zip.begin(key + ".npy");
  state_->zip.write(std::as_bytes(std::span(header.data(), header.size())));
}
NpzWriter::~NpzWriter() = default;
NpzWriter::NpzWriter(NpzWriter&&) noexcept = default;

void NpzWriter::write(std::span<const float> values) {
  state_->left -= static_cast<std::int64_t>(values.size());
  state_->zip.write(std::as_bytes(values));
}

void NpzWriter::commit() {
  if (state_->left != 0) throw std::logic_error("not all values of the array were written");
  state_->zip.end();
  state_->zip.commit();
}

void write_npz(const std::filesystem::path& npz, const std::filesystem::path& npy, int threads,
               const std::string& key) {
  DeflatingZip zip(npz, threads);
  zip.add_file(key + ".npy", npy);
  zip.commit();
}

}  // namespace nnunet::v2
