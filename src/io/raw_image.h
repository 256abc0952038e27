#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/io/gzip.h"
#include "nnunet/io/nifti.h"
#include "voxel_coding.h"

namespace nnunet {

/// What a header says of the voxels that follow it, in the order x, y, z.
struct RawImage {
  Geometry geometry;
  VoxelCoding coding;
  std::int64_t channels = 1;
  bool interleaved = false;  ///< a voxel's channels lie side by side; else channel after channel

  std::int64_t voxels() const { return volume(geometry.shape) * channels; }
  std::size_t stored_bytes() const { return static_cast<std::size_t>(voxels()) * bytes_of_type(coding.datatype); }
};

/// Numbers of voxels along the axes x, y, z(, channels), as a header has them. Throws Error, naming the file, for sizes
/// below 1 and for more voxels than the limit.
struct Sizes {
  Shape3 shape{};  ///< (D,H,W)
  std::int64_t channels = 1;
};
Sizes checked_sizes(const std::vector<std::int64_t>& sizes, const NiftiLimits& limits, const std::string& name);

/// The voxels as an image. stored: at least stored_bytes(). Throws Error for NaN and infinity.
Image to_image(RawImage raw, std::span<const std::byte> stored, const std::string& name);

/// Voxels written as decimal numbers, as the type's own bytes in this machine's order.
std::vector<std::byte> voxels_in_text(std::string_view text, const RawImage& raw, const std::string& name);

/// Zlib or gzip data that hold so many bytes. Throws Error: truncated, corrupt, another size.
Buffer inflate_voxels(std::span<const std::byte> packed, std::size_t size, const std::string& name);
/// Bytes as zlib data.
std::vector<std::byte> deflate(std::span<const std::byte> content);

}  // namespace nnunet
