#include "tiff_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "tiff_packing.h"

namespace nnunet {

namespace {

constexpr const char* kFetchAgain = "fetch or write the file again";
constexpr const char* kConvert = "write it with deflate packing, or none";

/// Numbers at any place of the file.
class Numbers {
 public:
  Numbers(const TiffBytes& bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  std::uint64_t at(std::uint64_t place, std::size_t size) const {
    const auto from = range(place, size);
    std::uint64_t value = 0;
    const bool little = (std::endian::native == std::endian::little) != bytes_.swapped;
    for (std::size_t i = 0; i < size; ++i)
      value = value << 8 | std::to_integer<std::uint64_t>(from[little ? size - 1 - i : i]);
    return value;
  }
  std::span<const std::byte> range(std::uint64_t place, std::uint64_t size) const {
    if (place > bytes_.file.size() || size > bytes_.file.size() - place)
      throw Error(name_, "the file is truncated", kFetchAgain);
    return bytes_.file.subspan(static_cast<std::size_t>(place), static_cast<std::size_t>(size));
  }

 private:
  const TiffBytes& bytes_;
  const std::string& name_;
};

/// One entry of a directory: its values lie in it or elsewhere.
struct Entry {
  std::uint64_t type = 0, count = 0, place = 0;
};

std::size_t bytes_of_entry(std::uint64_t type) {
  switch (type) {
    case 1:
    case 2:
    case 6:
    case 7:
      return 1;
    case 3:
    case 8:
      return 2;
    case 4:
    case 9:
    case 11:
    case 13:
      return 4;
    case 5:
    case 10:
    case 12:
    case 16:
    case 17:
    case 18:
      return 8;
    default:
      return 0;
  }
}

class Directory {
 public:
  Directory(const TiffBytes& bytes, std::uint64_t place, const std::string& name) : numbers_(bytes, name), name_(name) {
    const std::size_t head = bytes.big ? 8 : 2, size = bytes.big ? 20 : 12, word = bytes.big ? 8 : 4;
    const std::uint64_t count = numbers_.at(place, head);
    if (count > 4096) throw Error(name, fmt::format("has a page with {} entries", count), kFetchAgain);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t at = place + head + i * size;
      Entry entry{numbers_.at(at + 2, 2), numbers_.at(at + 4, word), at + 4 + word};
      const std::size_t value = bytes_of_entry(entry.type);
      if (value == 0) continue;  // a type of later years; no tag that is needed has one
      if (entry.count > bytes.file.size() / value) throw Error(name, "the file is truncated", kFetchAgain);
      if (entry.count * value > word) entry.place = numbers_.at(entry.place, word);
      entries_[numbers_.at(at, 2)] = entry;
      bytes_ += entry.count * value;
    }
    next_ = numbers_.at(place + head + count * size, word);
  }

  std::uint64_t next() const { return next_; }
  std::uint64_t bytes() const { return bytes_; }  ///< of all its values

  std::vector<std::uint64_t> all(TiffTag tag) const {
    const auto found = entries_.find(static_cast<std::uint64_t>(tag));
    if (found == entries_.end()) return {};
    const Entry& entry = found->second;
    const std::size_t size = bytes_of_entry(entry.type);
    numbers_.range(entry.place, entry.count * size);
    std::vector<std::uint64_t> values(static_cast<std::size_t>(entry.count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = numbers_.at(entry.place + i * size, size);
    return values;
  }
  std::uint64_t one(TiffTag tag, std::uint64_t otherwise) const {
    const auto values = all(tag);
    return values.empty() ? otherwise : values.front();
  }
  /// Of a tag with a value a sample; all have to be alike.
  std::uint64_t same(TiffTag tag, std::uint64_t otherwise) const {
    const auto values = all(tag);
    if (values.empty()) return otherwise;
    if (std::ranges::adjacent_find(values, std::not_equal_to<>()) != values.end())
      throw Error(name_, "has samples of different types in a pixel", kConvert);
    return values.front();
  }
  std::string text(TiffTag tag) const {
    const auto found = entries_.find(static_cast<std::uint64_t>(tag));
    if (found == entries_.end()) return {};
    const auto bytes = numbers_.range(found->second.place, found->second.count);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.substr(0, text.find('\0'));
  }

 private:
  Numbers numbers_;
  const std::string& name_;
  std::map<std::uint64_t, Entry> entries_;
  std::uint64_t next_ = 0, bytes_ = 0;
};

std::int64_t size_in(std::uint64_t value, const std::string& name) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 31;
  if (value < 1 || value > kLargest)
    throw Error(name, fmt::format("its header has absurd sizes ({})", value), kFetchAgain);
  return static_cast<std::int64_t>(value);
}

TiffPage page_of(const Directory& directory, const std::string& name) {
  TiffPage page;
  page.width = size_in(directory.one(TiffTag::width, 0), name);
  page.height = size_in(directory.one(TiffTag::height, 0), name);
  page.samples = size_in(directory.one(TiffTag::samples, 1), name);
  page.bits = directory.same(TiffTag::bits, 1);
  page.format = directory.same(TiffTag::sample_format, 1);
  page.compression = directory.one(TiffTag::compression, 1);
  page.predictor = directory.one(TiffTag::predictor, 1);
  page.photometric = directory.one(TiffTag::photometric, 1);
  page.subfile_type = directory.one(TiffTag::subfile_type, 0);
  page.planar = directory.one(TiffTag::planar, 1) == 2 && page.samples > 1;
  page.description = directory.text(TiffTag::description);
  if (page.compression != 1 && directory.one(TiffTag::fill_order, 1) != 1)
    throw Error(name, "has the bits of its bytes in reverse", kConvert);
  const auto tile_width = directory.one(TiffTag::tile_width, 0);
  const bool tiled = tile_width != 0;
  page.segment_width = tiled ? size_in(tile_width, name) : page.width;
  const std::uint64_t rows =
      directory.one(tiled ? TiffTag::tile_height : TiffTag::rows_per_strip, static_cast<std::uint64_t>(page.height));
  page.segment_height =
      tiled ? size_in(rows, name) : size_in(std::min(rows, static_cast<std::uint64_t>(page.height)), name);
  page.offsets = directory.all(tiled ? TiffTag::tile_offsets : TiffTag::strip_offsets);
  page.bytes = directory.all(tiled ? TiffTag::tile_bytes : TiffTag::strip_bytes);
  return page;
}

/// Rows of one strip or tile as they lie in it.
struct Segment {
  std::int64_t x = 0, y = 0, width = 0, height = 0;  ///< in the page; the width may reach beyond it
  std::size_t samples = 1;                           ///< side by side
};

/// Undoes differences between neighbours of a row.
void undo_differences(std::span<std::byte> row, std::size_t samples, std::size_t value_bytes) {
  const auto sum = [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t i = samples; i < row.size() / sizeof(T); ++i) {
      T before, value;
      std::memcpy(&before, row.data() + (i - samples) * sizeof(T), sizeof(T));
      std::memcpy(&value, row.data() + i * sizeof(T), sizeof(T));
      value = static_cast<T>(value + before);
      std::memcpy(row.data() + i * sizeof(T), &value, sizeof(T));
    }
  };
  if (value_bytes == 1) return sum(std::uint8_t{});
  if (value_bytes == 2) return sum(std::uint16_t{});
  if (value_bytes == 4) return sum(std::uint32_t{});
  sum(std::uint64_t{});
}

/// A row of floats whose bytes were sorted, the most significant of all first, and then made differences.
void undo_float_differences(std::span<std::byte> row, std::size_t samples, std::size_t value_bytes) {
  undo_differences(row, samples, 1);
  const std::vector<std::byte> sorted(row.begin(), row.end());
  const std::size_t count = row.size() / value_bytes;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t b = 0; b < value_bytes; ++b)
      row[i * value_bytes + (std::endian::native == std::endian::little ? value_bytes - 1 - b : b)] =
          sorted[b * count + i];
}

/// A segment's samples in this machine's byte order.
std::vector<std::byte> unpacked(const TiffBytes& bytes, const TiffPage& page, const Segment& segment, std::size_t index,
                                const std::string& name) {
  if (index >= page.offsets.size() || index >= page.bytes.size())
    throw Error(name, "has fewer strips or tiles than its sizes need", kFetchAgain);
  const auto packed = Numbers(bytes, name).range(page.offsets[index], page.bytes[index]);
  const std::size_t row_values = static_cast<std::size_t>(segment.width) * segment.samples;
  const std::size_t row = page.bits == 1 ? (row_values + 7) / 8 : row_values * sample_bytes(page);
  std::vector<std::byte> values =
      unpack_tiff(packed, page.compression, row * static_cast<std::size_t>(segment.height), name);
  const std::size_t value = sample_bytes(page);
  if (bytes.swapped && page.predictor != 3) swap_values(values, value);
  for (std::size_t y = 0; y < static_cast<std::size_t>(segment.height) && page.predictor != 1; ++y) {
    const auto line = std::span(values).subspan(y * row, row);
    page.predictor == 3 ? undo_float_differences(line, segment.samples, value)
                        : undo_differences(line, segment.samples, value);
  }
  return values;
}

void place(const TiffPage& page, const Segment& segment, std::span<const std::byte> values,
           std::span<std::byte> plane) {
  const std::size_t pixel = segment.samples * sample_bytes(page);
  const auto columns = static_cast<std::size_t>(std::min(segment.width, page.width - segment.x));
  for (std::int64_t y = 0; y < segment.height; ++y) {
    std::byte* to = plane.data() + static_cast<std::size_t>((segment.y + y) * page.width + segment.x) * pixel;
    const std::size_t width = static_cast<std::size_t>(segment.width);
    if (page.bits != 1) {
      std::memcpy(to, values.data() + static_cast<std::size_t>(y) * width * pixel, columns * pixel);
      continue;
    }
    const std::byte* row = values.data() + static_cast<std::size_t>(y) * ((width * pixel + 7) / 8);
    for (std::size_t i = 0; i < columns * pixel; ++i) to[i] = row[i / 8] >> (7 - i % 8) & std::byte{1};
  }
}

void require_known(const TiffBytes& bytes, const TiffPage& page, const std::string& name) {
  std::int64_t segment = page.segment_width;
  if (__builtin_mul_overflow(segment, page.segment_height, &segment) ||
      __builtin_mul_overflow(segment, page.planar ? 1 : page.samples, &segment) ||
      segment / (std::int64_t{1} << 16) > std::ssize(bytes.file))
    throw Error(name, "its header promises more voxels than the file can hold", kFetchAgain);
  if (page.bits != 1 && page.bits != 8 && page.bits != 16 && page.bits != 32 && page.bits != 64)
    throw Error(name, fmt::format("has {} bits a sample, which is not supported", page.bits), kConvert);
  const bool predictor = page.predictor == 1 || (page.predictor == 2 && page.bits >= 8) ||
                         (page.predictor == 3 && page.format == 3 && page.bits >= 32);
  if (!predictor)
    throw Error(name, fmt::format("has the predictor {}, which is not supported", page.predictor), kConvert);
  if (page.photometric == 6) throw Error(name, "has colours as YCbCr, which is not supported", "write it as RGB");
}

}  // namespace

TiffBytes tiff_bytes(std::span<const std::byte> file, const std::string& name) {
  TiffBytes bytes{file};
  if (file.size() < 8) throw Error(name, "is not a TIFF file (too short)", kFetchAgain);
  const auto first = std::to_integer<char>(file[0]), second = std::to_integer<char>(file[1]);
  if (first != second || (first != 'I' && first != 'M'))
    throw Error(name, "is not a TIFF file (bad magic)", kFetchAgain);
  bytes.swapped = (first == 'I') != (std::endian::native == std::endian::little);
  const std::uint64_t version = Numbers(bytes, name).at(2, 2);
  if (version != 42 && version != 43) throw Error(name, "is not a TIFF file (bad magic)", kFetchAgain);
  bytes.big = version == 43;
  return bytes;
}

std::vector<TiffPage> tiff_pages(const TiffBytes& bytes, const std::string& name) {
  std::vector<TiffPage> pages;
  std::set<std::uint64_t> seen;
  const Numbers numbers(bytes, name);
  // Directories may name the same values again and again: together they would be more than any file.
  std::uint64_t left = 2 * bytes.file.size();
  for (std::uint64_t at = bytes.big ? numbers.at(8, 8) : numbers.at(4, 4); at != 0;) {
    if (!seen.insert(at).second) throw Error(name, "its pages go round in a circle", kFetchAgain);
    if (pages.size() >= limits::tiff_pages)
      throw Error(name, fmt::format("has more than {} pages", limits::tiff_pages), "write it as .nii.gz");
    const Directory directory(bytes, at, name);
    if (directory.bytes() > left)
      throw Error(name, "its pages share their values, which is not supported", kFetchAgain);
    left -= directory.bytes();
    pages.push_back(page_of(directory, name));
    at = directory.next();
  }
  if (pages.empty()) throw Error(name, "has no page", kFetchAgain);
  return pages;
}

void read_tiff_page(const TiffBytes& bytes, const TiffPage& page, std::span<std::byte> to, const std::string& name) {
  require_known(bytes, page, name);
  const std::size_t planes = page.planar ? static_cast<std::size_t>(page.samples) : 1;
  const std::size_t samples = page.planar ? 1 : static_cast<std::size_t>(page.samples);
  const std::size_t plane_bytes = to.size() / planes;
  std::size_t index = 0;
  const bool tiled = page.segment_width != page.width || page.segment_height > page.height;
  for (std::size_t p = 0; p < planes; ++p) {
    for (std::int64_t y = 0; y < page.height; y += page.segment_height) {
      for (std::int64_t x = 0; x < page.width; x += page.segment_width, ++index) {
        Segment segment{x, y, page.segment_width, page.segment_height, samples};
        const std::int64_t rows = std::min(page.segment_height, page.height - y);
        if (!tiled) segment.height = rows;
        const auto values = unpacked(bytes, page, segment, index, name);
        segment.height = rows;
        place(page, segment, values, to.subspan(p * plane_bytes, plane_bytes));
      }
    }
  }
}

void swap_values(std::span<std::byte> values, std::size_t value_bytes) {
  if (value_bytes < 2) return;
  for (std::size_t i = 0; i + value_bytes <= values.size(); i += value_bytes)
    std::reverse(values.begin() + static_cast<std::ptrdiff_t>(i),
                 values.begin() + static_cast<std::ptrdiff_t>(i + value_bytes));
}

}  // namespace nnunet
