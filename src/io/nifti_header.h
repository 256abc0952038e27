#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nnunet/io/nifti.h"
#include "voxel_coding.h"

namespace nnunet {

/// The largest header (NIfTI-2).
inline constexpr std::size_t kMaxNiftiHeader = 540;

/// A NIfTI header, checked and understood.
struct NiftiHeader : VoxelCoding {
  Geometry geometry;          ///< with the header itself, in this machine's byte order
  std::int64_t channels = 1;  ///< 4th or 5th axis
  std::size_t voxel_bytes = 0;
  std::size_t offset = 0;             ///< of the voxels in the (unpacked) file
  std::vector<std::string> warnings;  ///< what was repaired or is doubtful, each with the file's name

  std::int64_t voxels() const { return volume(geometry.shape) * channels; }
  /// Bytes from the start of the file to the end of the voxels.
  std::size_t file_bytes() const { return offset + static_cast<std::size_t>(voxels()) * voxel_bytes; }
};

/// start: the first bytes of the (unpacked) file, kMaxNiftiHeader or all of them. Throws Error as read_nifti does.
NiftiHeader parse_nifti_header(std::span<const std::byte> start, const std::string& name, const NiftiLimits& limits);

/// What a file that we write says of its voxels.
struct NiftiOutput {
  std::int64_t channels = 1;
  int datatype = 0;
  int bits = 0;
  int intent = 0;
};

/// Header and empty extension block (352 or 544 bytes) for such a file: geometry.header with only the fields that
/// describe the voxels changed, or a new header made from shape, spacing and affine.
std::vector<std::byte> make_nifti_header(const Geometry& geometry, const NiftiOutput& output);

}  // namespace nnunet
