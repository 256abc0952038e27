#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "image_memory.h"
#include "nnunet/core/error.h"
#include "picture.h"

namespace nnunet {

namespace {

constexpr const char* kConvert = "convert it to .png";
constexpr std::size_t kFileHeader = 14, kInfoHeader = 40;
constexpr std::uint32_t kPlain = 0, kBitFields = 3;

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};

/// Little-endian numbers with the end of the file in view.
class BmpBytes {
 public:
  BmpBytes(std::span<const std::byte> file, const std::string& name) : file_(file), name_(name) {}
  std::uint32_t number(std::size_t at, std::size_t bytes) const {
    if (at > file_.size() || bytes > file_.size() - at) throw Error(name_, "the file is truncated", "fetch it again");
    std::uint32_t value = 0;
    for (std::size_t i = bytes; i > 0; --i) value = value << 8 | std::to_integer<std::uint32_t>(file_[at + i - 1]);
    return value;
  }
  std::uint8_t byte(std::size_t at) const { return std::to_integer<std::uint8_t>(file_[at]); }
  std::size_t size() const { return file_.size(); }
  const std::string& name() const { return name_; }

 private:
  std::span<const std::byte> file_;
  const std::string& name_;
};

struct BmpHeader {
  std::size_t pixels = 0;  ///< where they begin
  std::int64_t rows = 0, columns = 0;
  bool from_top = false;
  std::uint32_t bits = 0;
  bool alpha = false;
  std::vector<Colour> palette;
  bool grey = false;  ///< the palette says nothing: indices are grey values, or with two colours no and yes
};

std::vector<Colour> read_palette(const BmpBytes& file, std::size_t at, std::size_t count, std::size_t step) {
  std::vector<Colour> palette(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t colour = file.number(at + i * step, 3);
    palette[i] = {static_cast<std::uint8_t>(colour >> 16), static_cast<std::uint8_t>(colour >> 8 & 255),
                  static_cast<std::uint8_t>(colour & 255)};
  }
  return palette;
}

bool is_grey(const std::vector<Colour>& palette) {
  for (std::size_t i = 0; i < palette.size(); ++i) {
    const std::size_t value = palette.size() == 2 ? i * 255 : i;
    const Colour& c = palette[i];
    if (c.red != value || c.green != value || c.blue != value) return false;
  }
  return true;
}

/// How 32 bits are parted; a fourth part is the transparency.
bool has_alpha(const BmpBytes& file, std::size_t info_bytes) {
  const std::size_t masks = kFileHeader + kInfoHeader;
  if (file.number(masks, 4) != 0xff0000 || file.number(masks + 4, 4) != 0xff00 || file.number(masks + 8, 4) != 0xff)
    throw Error(file.name(), "has its colours in unusual bits", kConvert);
  return info_bytes >= 56 && file.number(masks + 12, 4) == 0xff000000;
}

BmpHeader read_header(const BmpBytes& file) {
  if (file.size() < 2 || file.number(0, 2) != 0x4d42)
    throw Error(file.name(), "is not a BMP file (bad magic)", "fetch it again");
  BmpHeader header;
  header.pixels = file.number(10, 4);
  const std::size_t info_bytes = file.number(kFileHeader, 4);
  const bool old = info_bytes == 12;
  if (!old && (info_bytes < kInfoHeader || info_bytes > 1024))
    throw Error(file.name(), fmt::format("has a header of {} bytes, which is not known", info_bytes), kConvert);
  const auto signed_number = [&](std::size_t at) {
    return std::int64_t{static_cast<std::int32_t>(file.number(at, 4))};
  };
  header.columns = old ? file.number(18, 2) : signed_number(18);
  const std::int64_t height = old ? file.number(20, 2) : signed_number(22);
  header.from_top = height < 0;
  header.rows = height < 0 ? -height : height;
  header.bits = file.number(old ? 24 : 28, 2);
  const std::uint32_t packing = old ? kPlain : file.number(30, 4);
  if (packing != kPlain && !(packing == kBitFields && header.bits == 32))
    throw Error(file.name(), fmt::format("is packed in a way that is not supported ({})", packing), kConvert);
  if (header.bits == 32) header.alpha = packing == kBitFields && has_alpha(file, info_bytes);
  if (header.bits > 8) {
    if (header.bits != 24 && header.bits != 32)
      throw Error(file.name(), fmt::format("has {} bits a pixel, which is not supported", header.bits), kConvert);
    return header;
  }
  if (header.bits != 1 && header.bits != 4 && header.bits != 8)
    throw Error(file.name(), fmt::format("has {} bits a pixel, which is not supported", header.bits), kConvert);
  std::size_t colours = old ? 0 : file.number(46, 4);
  if (colours == 0) colours = std::size_t{1} << header.bits;
  if (colours > 256) throw Error(file.name(), fmt::format("has a palette of {} colours", colours), "fetch it again");
  header.palette = read_palette(file, kFileHeader + info_bytes, colours, old ? 3 : 4);
  header.grey = header.bits != 4 && is_grey(header.palette);
  return header;
}

/// Bytes of a row on file: a multiple of four.
std::size_t row_bytes(const BmpHeader& header) {
  return (static_cast<std::size_t>(header.columns) * header.bits + 31) / 32 * 4;
}

std::size_t index_at(const BmpBytes& file, std::size_t row, std::size_t x, std::uint32_t bits) {
  const std::size_t bit = x * bits;
  return static_cast<std::size_t>(file.byte(row + bit / 8) >> (8 - bits - bit % 8)) & ((1U << bits) - 1);
}

/// One row's pixels.
void read_row(const BmpBytes& file, const BmpHeader& header, std::size_t row, std::size_t channels, std::byte* to) {
  const auto put = [&](std::uint8_t value) { *to++ = static_cast<std::byte>(value); };
  for (std::size_t x = 0; x < static_cast<std::size_t>(header.columns); ++x) {
    if (header.bits <= 8) {
      const std::size_t index = index_at(file, row, x, header.bits);
      if (header.grey) {
        put(static_cast<std::uint8_t>(index));
        continue;
      }
      const Colour colour = index < header.palette.size() ? header.palette[index] : Colour{};
      put(colour.red), put(colour.green), put(colour.blue);
    } else {
      const std::size_t at = row + x * header.bits / 8;
      put(file.byte(at + 2)), put(file.byte(at + 1)), put(file.byte(at));
      if (channels == 4) put(file.byte(at + 3));
    }
  }
}

void store(std::vector<std::byte>& file, std::size_t at, std::size_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) file[at + i] = static_cast<std::byte>(value >> 8 * i & 255);
}

}  // namespace

Picture read_bmp(std::span<const std::byte> bytes, const std::string& name, const NiftiLimits& limits) {
  const BmpBytes file(bytes, name);
  const BmpHeader header = read_header(file);
  Picture picture;
  picture.rows = header.rows, picture.columns = header.columns, picture.channels = 3;
  if (header.grey) picture.channels = 1;
  if (header.alpha) picture.channels = 4;
  if (header.rows < 1 || header.columns < 1)
    throw Error(name, fmt::format("its header has {} x {} pixels", header.rows, header.columns), "fetch it again");
  // Both are below 2^31, so nothing overflows.
  const std::size_t row = row_bytes(header), rows = static_cast<std::size_t>(header.rows);
  if (header.pixels > file.size() || row > (file.size() - header.pixels) / rows)
    throw Error(name, "the file is truncated", "fetch it again");
  if (header.rows * header.columns > limits.max_voxels / picture.channels)
    throw Error(name, fmt::format("its header has absurd sizes (more than {} pixels)", limits.max_voxels));
  return with_memory_errors(name, [&] {
    const auto channels = static_cast<std::size_t>(picture.channels);
    const std::size_t line = static_cast<std::size_t>(header.columns) * channels;
    picture.pixels.resize(line * rows);
    for (std::size_t y = 0; y < rows; ++y) {
      const std::size_t stored = header.from_top ? y : rows - 1 - y;
      read_row(file, header, header.pixels + stored * row, channels, picture.pixels.data() + y * line);
    }
    return std::move(picture);
  });
}

std::vector<std::byte> encode_bmp(const LabelBytes& labels, std::int64_t rows, std::int64_t columns) {
  if (labels.datatype != DT_UINT8) throw Error("", "a .bmp file holds labels up to 255 only", "write .png or .tif");
  constexpr std::size_t kColours = 256, kPixels = kFileHeader + kInfoHeader + kColours * 4;
  const auto width = static_cast<std::size_t>(columns), height = static_cast<std::size_t>(rows);
  const std::size_t row = (width + 3) / 4 * 4, size = kPixels + row * height;
  if (size > std::numeric_limits<std::uint32_t>::max())
    throw Error("", "the picture is too large for a .bmp file", "write .png or .tif");
  std::vector<std::byte> file(size);
  store(file, 0, 0x4d42, 2);
  store(file, 2, size, 4);
  store(file, 10, kPixels, 4);
  store(file, 14, kInfoHeader, 4);
  store(file, 18, width, 4);
  store(file, 22, height, 4);
  store(file, 26, 1, 2);
  store(file, 28, 8, 2);
  store(file, 34, row * height, 4);
  store(file, 46, kColours, 4);
  for (std::size_t i = 0; i < kColours; ++i) store(file, kFileHeader + kInfoHeader + i * 4, i * 0x010101, 4);
  for (std::size_t y = 0; y < height; ++y)
    std::memcpy(file.data() + kPixels + (height - 1 - y) * row, labels.bytes.data() + y * width, width);
  return file;
}

}  // namespace nnunet
