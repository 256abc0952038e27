#include "tiff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "image_memory.h"
#include "itk_space.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "number_text.h"
#include "picture.h"
#include "raw_image.h"
#include "tiff_pages.h"

namespace nnunet {

namespace {

constexpr const char* kFetchAgain = "fetch or write the file again";

using Shape = std::vector<std::int64_t>;

int type_of(const TiffPage& page, const std::string& name) {
  const std::uint64_t bits = page.bits;
  if (page.format == 1 || page.format == 4) {
    if (bits == 1 || bits == 8) return DT_UINT8;
    if (bits == 16) return DT_UINT16;
    if (bits == 32) return DT_UINT32;
    if (bits == 64) return DT_UINT64;
  } else if (page.format == 2) {
    if (bits == 8) return DT_INT8;
    if (bits == 16) return DT_INT16;
    if (bits == 32) return DT_INT32;
    if (bits == 64) return DT_INT64;
  } else if (page.format == 3) {
    if (bits == 32) return DT_FLOAT32;
    if (bits == 64) return DT_FLOAT64;
  }
  throw Error(name,
              fmt::format("has samples of {} bits in TIFF's format {}, which is not supported", bits, page.format),
              "write it as uint8, uint16 or float32");
}

Shape page_shape(const TiffPage& page) {
  if (page.samples == 1) return {page.height, page.width};
  if (page.planar) return {page.samples, page.height, page.width};
  return {page.height, page.width, page.samples};
}

/// The number of values, or nothing where it is beyond the limit.
std::optional<std::int64_t> count_of(const Shape& shape, std::int64_t limit) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape)
    if (n < 1 || __builtin_mul_overflow(count, n, &count) || count > limit) return std::nullopt;
  return count;
}

/// The shape that tifffile notes down: {"shape": [4, 5, 7]}.
std::optional<Shape> noted_shape(const std::string& description) {
  if (!description.starts_with('{') || description.find("\"shape\"") == std::string::npos) return std::nullopt;
  if (description.size() > 4096) return std::nullopt;
  const auto json = nlohmann::json::parse(description, nullptr, false);
  if (!json.is_object() || !json.contains("shape") || !json["shape"].is_array()) return std::nullopt;
  Shape shape;
  for (const auto& n : json["shape"]) {
    if (!n.is_number_integer()) return std::nullopt;
    shape.push_back(n.get<std::int64_t>());
  }
  return shape;
}

/// "images=4" in ImageJ's notes, SizeZ="4" in OME's; 1 where it is not said.
std::int64_t noted_number(std::string_view description, std::string_view key) {
  const auto at = description.find(key);
  if (at == std::string_view::npos) return 1;
  const std::string_view rest = description.substr(at + key.size());
  return number_in<std::int64_t>(rest.substr(0, rest.find_first_not_of("0123456789"))).value_or(1);
}

/// Pages of channels, slices and times in one series have more axes than three.
void require_one_axis_of_pages(const std::string& description, const std::string& name) {
  std::array<std::int64_t, 3> sizes{1, 1, 1};
  if (description.starts_with("ImageJ="))
    sizes = {noted_number(description, "channels="), noted_number(description, "slices="),
             noted_number(description, "frames=")};
  if (description.find("<OME") != std::string::npos)
    sizes = {noted_number(description, "SizeC=\""), noted_number(description, "SizeZ=\""),
             noted_number(description, "SizeT=\"")};
  if (std::ranges::count_if(sizes, [](std::int64_t n) { return n > 1; }) > 1)
    throw Error(name, "has more than one of slices, channels and times", "store each volume as a file of its own");
}

/// Which pages make the array, and its shape. contiguous: all values follow the first page's, which alone has a
/// directory.
struct Series {
  Shape shape;
  std::vector<const TiffPage*> pages;
  bool contiguous = false;
};

Series series_of(const std::vector<TiffPage>& pages, const NiftiLimits& limits, const std::string& name) {
  const TiffPage& first = pages.front();
  Series series{page_shape(first), {}, false};
  for (const TiffPage& page : pages)
    if (page.like(first) && (page.subfile_type & 1) == (first.subfile_type & 1)) series.pages.push_back(&page);
  const auto page_count = count_of(series.shape, limits.max_voxels);
  const auto together =
      page_count ? count_of({*page_count, std::ssize(series.pages)}, limits.max_voxels) : std::nullopt;
  if (!together)
    throw Error(name, fmt::format("its header has absurd sizes (more than {} voxels)", limits.max_voxels), kFetchAgain);
  if (const auto noted = noted_shape(first.description)) {
    const auto count = count_of(*noted, limits.max_voxels);
    const bool more = count && *count > *together && *count % *page_count == 0 && series.pages.size() == 1;
    if (count && (*count == *together || more)) return {*noted, series.pages, more};
    if (count && *count == *page_count) return {*noted, {&first}, false};
  }
  require_one_axis_of_pages(first.description, name);
  std::int64_t count = std::ssize(series.pages);
  if (const auto images = noted_number(first.description, "images=");
      first.description.starts_with("ImageJ=") && count == 1 && images > 1)
    series.contiguous = true, count = images;
  if (count > 1) series.shape.insert(series.shape.begin(), count);
  if (!count_of(series.shape, limits.max_voxels))
    throw Error(name, fmt::format("its header has absurd sizes (more than {} voxels)", limits.max_voxels), kFetchAgain);
  return series;
}

void read_contiguous(const TiffBytes& bytes, const TiffPage& page, std::span<std::byte> to, const std::string& name) {
  if (page.compression != 1 || page.bits < 8 || page.offsets.empty() || page.offsets[0] > bytes.file.size() ||
      to.size() > bytes.file.size() - page.offsets[0])
    throw Error(name, "has fewer pages than it notes down", kFetchAgain);
  std::memcpy(to.data(), bytes.file.data() + page.offsets[0], to.size());
  if (bytes.swapped) swap_values(to, sample_bytes(page));
}

}  // namespace

TiffArray read_tiff(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits) {
  const TiffBytes bytes = tiff_bytes(file, name);
  const std::vector<TiffPage> pages = tiff_pages(bytes, name);
  const TiffPage& first = pages.front();
  TiffArray array;
  array.datatype = type_of(first, name);
  Series series = series_of(pages, limits, name);
  array.shape = std::move(series.shape);
  const auto count = static_cast<std::size_t>(*count_of(array.shape, limits.max_voxels));
  const std::size_t size = count * sample_bytes(first);
  if (size / 4096 > file.size())
    throw Error(name, "its header promises more voxels than the file can hold", kFetchAgain);
  require_image_memory(size + count * sizeof(float), name);
  return with_memory_errors(name, [&] {
    array.values.resize(size);
    const std::span<std::byte> to(array.values);
    const std::size_t page_bytes = size / series.pages.size();
    if (series.contiguous) {
      read_contiguous(bytes, first, to, name);
      return std::move(array);
    }
    for (std::size_t i = 0; i < series.pages.size(); ++i)
      read_tiff_page(bytes, *series.pages[i], to.subspan(i * page_bytes, page_bytes), name);
    return std::move(array);
  });
}

Image tiff_picture(TiffArray array, const std::string& name) {
  const Shape& shape = array.shape;
  const auto holds_channels = [](std::int64_t n) { return n == 3 || n == 4; };
  RawImage raw;
  raw.coding.datatype = array.datatype;
  if (shape.size() == 2) {
    raw.geometry = picture_geometry(shape[0], shape[1], name);
  } else if (shape.size() == 3 && holds_channels(shape[2])) {
    raw.geometry = picture_geometry(shape[0], shape[1], name);
    raw.channels = shape[2], raw.interleaved = true;
  } else if (shape.size() == 3 && holds_channels(shape[0])) {
    raw.geometry = picture_geometry(shape[1], shape[2], name);
    raw.channels = shape[0];
  } else {
    throw Error(name, fmt::format("is {}, which is no picture of one, 3 or 4 channels", shape_text(shape)),
                "read volumes with Tiff3DIO");
  }
  return to_image(std::move(raw), array.values, name);
}

Image tiff_volume(TiffArray array, const Spacing3& spacing, const std::string& name) {
  const Shape& shape = array.shape;
  if (shape.size() != 3)
    throw Error(name, fmt::format("is {}, only volumes of three axes are read by Tiff3DIO", shape_text(shape)),
                "read pictures with NaturalImage2DIO");
  if (shape[2] <= 4)
    log::warn_once(fmt::format("{}: is taken for a volume of {} slices, as Tiff3DIO does", name, shape_text(shape)));
  RawImage raw;
  raw.coding.datatype = array.datatype;
  ItkSpace space = plain_space(3);
  space.spacing = {spacing[2], spacing[1], spacing[0]};
  raw.geometry = geometry_in(std::move(space), {shape[0], shape[1], shape[2]}, name);
  return to_image(std::move(raw), array.values, name);
}

namespace {

/// Writes a file in this machine's byte order.
class TiffWriter {
 public:
  void put(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t shift = std::endian::native == std::endian::little ? i : bytes - 1 - i;
      file_.push_back(static_cast<std::byte>(value >> 8 * shift & 255));
    }
  }
  void put(std::span<const std::byte> bytes) { file_.insert(file_.end(), bytes.begin(), bytes.end()); }
  /// A number in the file that is known only later.
  void set(std::size_t at, std::size_t value) {
    const auto number = static_cast<std::uint32_t>(value);
    std::memcpy(file_.data() + at, &number, 4);
  }
  void entry(TiffTag tag, std::uint64_t type, std::uint64_t count, std::uint64_t value) {
    put(static_cast<std::uint64_t>(tag), 2), put(type, 2), put(count, 4);
    if (type == 3) {
      put(value, 2), put(0, 2);
    } else {
      put(value, 4);
    }
  }
  void align() { file_.resize((file_.size() + 1) / 2 * 2); }
  std::size_t size() const { return file_.size(); }
  std::vector<std::byte> take() { return std::move(file_); }

 private:
  std::vector<std::byte> file_;
};

constexpr std::uint64_t kShort = 3, kLong = 4, kText = 2;

/// One page in one strip. Returns where the place of the next page's directory is to be noted.
std::size_t put_page(TiffWriter& file, const LabelBytes& page, const Shape3& shape, const std::string& description,
                     std::size_t link) {
  const std::vector<std::byte> packed = deflate(page.bytes);
  const std::size_t strip = file.size();
  file.put(packed);
  file.align();
  const std::size_t text = file.size();
  file.put(std::as_bytes(std::span(description.c_str(), description.size() + 1)));
  file.align();
  file.set(link, file.size());
  const bool noted = !description.empty();
  file.put(noted ? 11 : 10, 2);
  file.entry(TiffTag::width, kLong, 1, static_cast<std::uint64_t>(shape[2]));
  file.entry(TiffTag::height, kLong, 1, static_cast<std::uint64_t>(shape[1]));
  file.entry(TiffTag::bits, kShort, 1, page.datatype == DT_UINT8 ? 8 : 16);
  file.entry(TiffTag::compression, kShort, 1, 8);
  file.entry(TiffTag::photometric, kShort, 1, 1);
  if (noted) file.entry(TiffTag::description, kText, description.size() + 1, text);
  file.entry(TiffTag::strip_offsets, kLong, 1, strip);
  file.entry(TiffTag::samples, kShort, 1, 1);
  file.entry(TiffTag::rows_per_strip, kLong, 1, static_cast<std::uint64_t>(shape[1]));
  file.entry(TiffTag::strip_bytes, kLong, 1, packed.size());
  file.entry(TiffTag::sample_format, kShort, 1, 1);
  file.put(0, 4);
  return file.size() - 4;
}

}  // namespace

std::vector<std::byte> encode_tiff(const LabelBytes& labels, const Shape3& shape, bool volume) {
  TiffWriter file;
  file.put(std::as_bytes(std::span(std::endian::native == std::endian::little ? "II" : "MM", 2)));
  file.put(42, 2);
  file.put(0, 4);
  std::size_t link = 4;
  const std::size_t page = labels.bytes.size() / static_cast<std::size_t>(shape[0]);
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    // tifffile's readers take the shape from here; without it one page would lose its axis.
    std::string note;
    if (z == 0)
      note = volume ? fmt::format(R"({{"shape": [{}, {}, {}]}})", shape[0], shape[1], shape[2])
                    : fmt::format(R"({{"shape": [{}, {}]}})", shape[1], shape[2]);
    const LabelBytes slice{labels.datatype, labels.bytes.subspan(static_cast<std::size_t>(z) * page, page)};
    link = put_page(file, slice, shape, note, link);
    if (file.size() > std::numeric_limits<std::uint32_t>::max())
      throw Error("", "the label map is too large for a .tif file", "write .nii.gz");
  }
  return file.take();
}

}  // namespace nnunet
