#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/limits.h"

namespace nnunet {

/// Where voxels lie in space. A NIfTI file's header is kept whole, so that outputs overlay exactly.
struct Geometry {
  Shape3 shape{};      ///< (D,H,W) = NIfTI dims (z,y,x)
  Spacing3 spacing{};  ///< mm, (z,y,x); float32 pixdim[3..1] widened to double, positive
  std::array<std::array<double, 4>, 4>
      affine{};                   ///< voxel (x,y,z,1) -> mm (RAS+); sform if set, else qform, else pixdim
  std::vector<std::byte> header;  ///< NIfTI-1 (348 bytes) or NIfTI-2 (540 bytes) header in this machine's byte order
                                  ///< and the file's own units; empty: made from the above
  bool plane = false;             ///< a 2D image, whose label map is to be one, too (depth 1)
};

/// An image with C channels: voxels (C,D,H,W) with scl_slope and scl_inter applied, as nibabel's get_fdata(float32).
struct Image {
  Array<float> voxels;
  Geometry geometry;
};

/// A label map: classes (D,H,W), 0 = background.
struct LabelMap {
  Array<std::uint8_t> voxels;
  Geometry geometry;
};

/// Limits against decompression bombs and absurd headers.
struct NiftiLimits {
  std::int64_t max_voxels = limits::image_voxels;  ///< over all channels
};

/// Reads .nii or .nii.gz (NIfTI-1 or -2, any byte order, any real data type, 3D or 4D, channels last on file: on the
/// 4th axis, or on the 5th as ITK writes vectors). Metres and micrometres become millimetres. Warns, once a file, of a
/// pixdim that had to be repaired, of one that contradicts the affine, and of unknown units. Throws Error naming the
/// file and what is wrong: missing, empty, not gzip, truncated, corrupt, bad magic, negative or absurd dimensions, a
/// non-finite spacing or affine, unsupported data type, NaN or Inf voxels.
Image read_nifti(const std::filesystem::path& path, const NiftiLimits& limits = {});
/// The same from memory (a whole .nii or .nii.gz file); name is used in messages.
Image read_nifti(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits = {});
/// Header only, without its warnings: shape, spacing, affine, number of channels (reads only the start of a .nii.gz).
struct NiftiInfo {
  Geometry geometry;
  std::int64_t channels = 1;
  int datatype = 0;
  std::int64_t file_bytes = 0;    ///< of the file as it is
  std::int64_t stored_bytes = 0;  ///< of the unpacked file

  std::int64_t voxels() const { return channels * volume(geometry.shape); }
  /// Most bytes held while the voxels are read as values of so many bytes: the file, unpacked, and the values.
  std::int64_t reading_bytes(std::int64_t value) const { return file_bytes + stored_bytes + voxels() * value; }
};
NiftiInfo read_nifti_info(const std::filesystem::path& path);

/// Reads a label map. n_class > 0: values must be whole and in [0, n_class); else whole and in [0, 255].
LabelMap read_label_map(const std::filesystem::path& path, int n_class = 0, const NiftiLimits& limits = {});
/// The same from memory; name is used in messages.
LabelMap read_label_map(std::span<const std::byte> file, const std::string& name, int n_class = 0,
                        const NiftiLimits& limits = {});

/// Writes a uint8 label map (.nii or .nii.gz by name), atomically, with the geometry fields of its header
/// (pixdim, qform, sform, units) unchanged, scl_slope 1, intent label.
void write_label_map(const std::filesystem::path& path, const LabelMap& map);
/// Writes float32 voxels (C,D,H,W) with that geometry; C > 1 becomes the 4th NIfTI axis.
void write_image(const std::filesystem::path& path, const Image& image);
/// The bytes that these two write (gzip when compress).
std::vector<std::byte> encode_label_map(const LabelMap& map, bool compress);
std::vector<std::byte> encode_image(const Image& image, bool compress);
/// As encode_label_map, but uint16, for label maps (D,H,W) of more classes.
std::vector<std::byte> encode_label_map(const Array<std::uint16_t>& voxels, const Geometry& geometry, bool compress);

/// True for *.nii and *.nii.gz. stem: the name without that ending.
bool is_nifti_name(const std::filesystem::path& path);
std::string nifti_stem(const std::filesystem::path& path);

/// Largest absolute difference of the two affines' entries (mm).
double affine_difference(const Geometry& a, const Geometry& b);

}  // namespace nnunet
