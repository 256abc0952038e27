#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnunet {

/// Tags of a page.
enum class TiffTag : std::uint16_t {
  subfile_type = 254,
  width = 256,
  height = 257,
  bits = 258,
  compression = 259,
  photometric = 262,
  fill_order = 266,
  description = 270,
  strip_offsets = 273,
  samples = 277,
  rows_per_strip = 278,
  strip_bytes = 279,
  planar = 284,
  predictor = 317,
  tile_width = 322,
  tile_height = 323,
  tile_offsets = 324,
  tile_bytes = 325,
  sample_format = 339
};

/// A page (image file directory): what its entries say.
struct TiffPage {
  std::int64_t width = 0, height = 0, samples = 1;
  std::int64_t segment_width = 0, segment_height = 0;  ///< of a strip or tile
  std::uint64_t bits = 1, format = 1, compression = 1, predictor = 1, photometric = 1, subfile_type = 0;
  bool planar = false;  ///< sample after sample, else side by side
  std::string description;
  std::vector<std::uint64_t> offsets, bytes;  ///< of the strips or tiles

  /// Whether both can lie in one array.
  bool like(const TiffPage& other) const {
    return width == other.width && height == other.height && samples == other.samples && bits == other.bits &&
           format == other.format && planar == other.planar;
  }
};

/// A file's bytes and their order.
struct TiffBytes {
  std::span<const std::byte> file;
  bool swapped = false;  ///< the other byte order than this machine's
  bool big = false;      ///< BigTIFF: offsets of 64 bits
};

/// Throws Error: no TIFF file.
TiffBytes tiff_bytes(std::span<const std::byte> file, const std::string& name);
/// All pages; throws Error for directories that are damaged or too many.
std::vector<TiffPage> tiff_pages(const TiffBytes& bytes, const std::string& name);

/// A page's samples, each of whole bytes (one bit becomes one byte, 0 or 1) in this machine's byte order:
/// (Y,X,samples), or (samples,Y,X) of planar ones. to: exactly as many bytes. Throws Error.
void read_tiff_page(const TiffBytes& bytes, const TiffPage& page, std::span<std::byte> to, const std::string& name);

/// Bytes of a sample in memory.
inline std::size_t sample_bytes(const TiffPage& page) {
  return page.bits == 1 ? 1 : static_cast<std::size_t>(page.bits / 8);
}

/// Turns the bytes of each value round.
void swap_values(std::span<std::byte> values, std::size_t value_bytes);

}  // namespace nnunet
